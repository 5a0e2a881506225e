package registry

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// swept asks for a sweep, and returns what its last line says.
func (h *house) swept(query string) (last dict) {
	h.t.Helper()
	res := h.do("POST", "/-/settee/gc"+query, h.root, nil)
	require.Equal(h.t, 200, res.Status, "%s", res.Body)
	lines := bytes.Split(bytes.TrimSpace(res.Body), []byte("\n"))
	require.Greater(h.t, len(lines), 1)
	for _, line := range lines {
		last = dict{}
		require.NoError(h.t, json.Unmarshal(line, &last))
	}
	return last
}

// TestSweepServed removes what was unpublished, for admins, once it is old; and nothing that somebody needs.
func TestSweepServed(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "left", "1.0.0")
	h.publish(h.bob, "gone", "1.0.0")
	h.stages(h.bob, "waits", "1.0.0")
	attached, err := h.blobs.Put(t.Context(), bytes.NewReader([]byte("an attachment")), nil)
	require.NoError(t, err)
	rev := h.do("GET", "/gone?write=true", h.bob, nil).JSON()["_rev"].(string)
	h.sends(h.bob, "DELETE", "/gone/-rev/"+rev, nil, 200)
	require.Equal(t, 401, h.do("POST", "/-/settee/gc", "", nil).Status)
	require.Equal(t, 403, h.do("POST", "/-/settee/gc", h.bob, nil).Status)
	for _, wrong := range []string{"?older=x", "?older=1h", "?older=-24h"} {
		require.Equal(t, 400, h.do("POST", "/-/settee/gc"+wrong, h.root, nil).Status, wrong)
	}
	h.o.SharedBlobs = true
	require.Equal(t, 409, h.do("POST", "/-/settee/gc", h.root, nil).Status, "others may need what is there")
	require.EqualValues(t, 0, h.swept("?alone=true")["deleted"])
	h.o.SharedBlobs = false

	h.clock.Set(time.Now().Add(3 * time.Hour))
	require.Equal(t, dict{"looked": 4.0, "deleted": 0.0, "bytes": 0.0}, h.swept(""), "a day is the least, unless it is told")
	dry := h.swept("?older=2h&dry=true")
	require.EqualValues(t, 2, dry["deleted"])
	require.Equal(t, 4, h.stored())
	h.o.Attachments.Each = func(_ context.Context, used func([64]byte)) error { used(attached.Digest); return nil }
	done := h.swept("?older=2h")
	require.EqualValues(t, 1, done["deleted"])
	require.Less(t, done["bytes"], dry["bytes"])
	require.EqualValues(t, 0, h.swept("?older=2h")["deleted"])
	require.Equal(t, 200, h.do("GET", "/left/-/left-1.0.0.tgz", "", nil).Status)
	_, err = h.blobs.Stat(t.Context(), attached.Digest)
	require.NoError(t, err)
	entry := h.do("GET", "/-/settee/audit?act=server.sweep&limit=2", h.root, nil).JSON()["entries"].([]any)[1].(dict)
	require.Equal(t, "1", at(t, entry, "details", "deleted"))

	h.o.Attachments.Each = func(context.Context, func([64]byte)) error { return errors.New("spoilt") }
	require.NotEmpty(t, h.swept("?older=2h")["error"], "who cannot say what is needed has nothing removed")
	h.sweeping.Lock()
	require.Equal(t, 409, h.do("POST", "/-/settee/gc", h.root, nil).Status)
	h.sweeping.Unlock()
}

// TestSweepTellsWhileItLooks has attachments looked for until who asked has heard three times that this goes on.
func TestSweepTellsWhileItLooks(t *testing.T) {
	h := open(t)
	heard := make(chan struct{})
	h.o.Attachments.Each = func(ctx context.Context, _ func([64]byte)) error {
		select {
		case <-heard:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	q, err := http.NewRequestWithContext(t.Context(), "POST", h.url+"/-/settee/gc", nil)
	require.NoError(t, err)
	q.Header.Set("Authorization", "Bearer "+h.root)
	res, err := http.DefaultClient.Do(q)
	require.NoError(t, err)
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for range 3 {
		require.True(t, lines.Scan(), "%v", lines.Err())
		require.JSONEq(t, `{"done": 0, "total": 65536}`, lines.Text())
	}
	close(heard)
	for lines.Scan() && !strings.Contains(lines.Text(), "looked") {
		require.Contains(t, lines.Text(), `"total":65536`)
	}
	require.JSONEq(t, `{"looked": 0, "deleted": 0, "bytes": 0}`, lines.Text())
	require.False(t, lines.Scan())
}

// TestSweepWhilePublishing sweeps without any grace while the very bytes of what was unpublished are published under other names.
func TestSweepWhilePublishing(t *testing.T) {
	h := open(t)
	tarball := func(i int) []byte { return sampleTarball(t, "same", fmt.Sprintf("1.0.%d", i), 50) }
	for i := range 12 {
		_, err := h.blobs.Put(t.Context(), bytes.NewReader(tarball(i)), nil)
		require.NoError(t, err)
	}
	h.clock.Set(time.Now().Add(time.Hour))
	stop := make(chan struct{})
	var sweeps, publishes sync.WaitGroup
	deleted := 0
	sweeps.Go(func() {
		for {
			s, err := h.Sweep(context.Background(), SweepOptions{Grace: time.Nanosecond})
			if err != nil {
				t.Error(err)
			}
			deleted += s.Deleted
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for w := range 3 {
		publishes.Go(func() {
			for i := range 12 {
				name, number := fmt.Sprintf("swept-%d", w), fmt.Sprintf("1.0.%d", i)
				if status := h.do("PUT", "/"+name, h.bob, publishDoc(t, name, number, sampleTarball(t, name, number, 50))).Status; status != 201 {
					t.Errorf("%s@%s: %d", name, number, status)
				}
			}
		})
	}
	publishes.Wait()
	close(stop)
	sweeps.Wait()
	require.Positive(t, deleted)
	for w := range 3 {
		for i := range 12 {
			name := fmt.Sprintf("swept-%d", w)
			require.Equal(t, 200, h.do("GET", fmt.Sprintf("/%s/-/%s-1.0.%d.tgz", name, name, i), "", nil).Status)
		}
	}
}
