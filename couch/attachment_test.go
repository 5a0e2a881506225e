package couch

import (
	"bytes"
	"context"
	"crypto/sha512"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// memoryBlobs is the smallest blob store.
type memoryBlobs struct {
	mu    sync.Mutex // guards blobs
	blobs map[[64]byte][]byte
}

func (m *memoryBlobs) Write(_ context.Context, r io.Reader) ([64]byte, int64, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return [64]byte{}, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d := sha512.Sum512(b)
	m.blobs[d] = b
	return d, int64(len(b)), nil
}

func (m *memoryBlobs) Read(_ context.Context, d [64]byte, offset, length int64) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.blobs[d]
	if !ok {
		return nil, fs.ErrNotExist
	}
	b = b[min(offset, int64(len(b))):]
	if length >= 0 {
		b = b[:min(length, int64(len(b)))]
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func attach(t *testing.T, db *DB, rev Rev, atts ...Attachment) (Rev, error) {
	t.Helper()
	return db.Put(ctx, &Document{ID: "a", Rev: rev, Attachments: atts}, WriteOptions{})
}

func TestAttachments(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), chunkSize/8)
	for name, blobs := range map[string]Blobs{"pebble": nil, "blobs": &memoryBlobs{blobs: map[[64]byte][]byte{}}} {
		t.Run(name, func(t *testing.T) {
			db := database(t, Options{Blobs: blobs})
			rev, err := attach(t, db, Rev{},
				Attachment{Name: "t.txt", ContentType: "text/plain", Data: []byte(strings.Repeat("hello ", 100))},
				Attachment{Name: "big", ContentType: "image/png", Follows: true, Length: int64(len(large)), Body: bytes.NewReader(large)},
				Attachment{Name: "none", Data: []byte{}})
			require.NoError(t, err)

			r, at, err := db.Attachment(ctx, "a", Rev{}, "big")
			require.NoError(t, err)
			require.Equal(t, rev, at)
			back, err := io.ReadAll(r)
			require.NoError(t, err)
			require.True(t, bytes.Equal(large, back))
			_, err = r.Seek(-20, io.SeekEnd)
			require.NoError(t, err)
			back, err = io.ReadAll(r)
			require.NoError(t, err)
			require.Equal(t, string(large[len(large)-20:]), string(back))
			require.NoError(t, r.Close())

			text, _, err := db.Attachment(ctx, "a", Rev{}, "t.txt")
			require.NoError(t, err)
			require.Equal(t, "gzip", text.Encoding)
			require.EqualValues(t, 600, text.Length)
			require.Less(t, text.Encoded, int64(100))
			require.NoError(t, text.Close())
			_, _, err = db.Attachment(ctx, "a", Rev{}, "other")
			require.ErrorIs(t, err, ErrNoAttachment)

			doc, err := db.Get(ctx, "a", GetOptions{Attachments: true})
			require.NoError(t, err)
			require.Equal(t, strings.Repeat("hello ", 100), string(doc.Attachments[0].Data))
			require.Equal(t, []byte{}, doc.Attachments[2].Data)

			// A stub keeps the bytes and the revpos; what is not named goes.
			rev2, err := attach(t, db, rev, Attachment{Name: "t.txt", Stub: true}, Attachment{Name: "new", Data: []byte("n")})
			require.NoError(t, err)
			doc, err = db.Get(ctx, "a", GetOptions{AttsSince: []Rev{rev}})
			require.NoError(t, err)
			require.Len(t, doc.Attachments, 2)
			require.True(t, doc.Attachments[0].Stub)
			require.EqualValues(t, 1, doc.Attachments[0].RevPos)
			require.Equal(t, "n", string(doc.Attachments[1].Data))
			require.EqualValues(t, 2, doc.Attachments[1].RevPos)

			_, err = attach(t, db, rev2, Attachment{Name: "gone", Stub: true})
			require.ErrorIs(t, err, &Error{Kind: MissingStub, Reason: "Invalid attachment stub in a for gone"})
			_, err = attach(t, db, rev2, Attachment{Name: "t.txt", Stub: true, RevPos: 2})
			require.ErrorIs(t, err, &Error{Kind: MissingStub})
			_, err = attach(t, db, rev2, Attachment{Name: "s", Follows: true, Length: 5, Body: strings.NewReader("abc")})
			require.ErrorIs(t, err, &Error{Kind: BadRequest, Reason: "attachment shorter than expected"})

			require.NoError(t, db.Compact(ctx))
			_, err = db.Get(ctx, "a", GetOptions{Rev: rev})
			require.ErrorIs(t, err, ErrMissing)
			p := db.prefix(kindAtt)
			n, err := countKeys(db.store.pebble, p[:], end(p[:]))
			require.NoError(t, err)
			require.EqualValues(t, 2, n, "the attachments of old revisions went")
		})
	}
}

// Readers and writers of attachments go on while the database is compacted.
func TestCompactWhileWriting(t *testing.T) {
	db := database(t, Options{})
	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		rev := Rev{}
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			// The same few attachments are dropped and come back.
			doc := &Document{ID: "a", Rev: rev, Attachments: []Attachment{{Name: "x", Data: fmt.Append(nil, i%3)}}}
			next, err := db.Put(ctx, doc, WriteOptions{})
			if err != nil {
				t.Errorf("put: %v", err)
				return
			}
			if rev = next; i%2 == 0 {
				if _, err := db.Get(ctx, "a", GetOptions{Attachments: true}); err != nil {
					t.Errorf("get: %v", err)
				}
			}
		}
	})
	for range 30 {
		require.NoError(t, db.Compact(ctx))
	}
	close(stop)
	group.Wait()
}
