package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"

	"github.com/go-kivik/kivik/v4"

	"settee/registry"
	"settee/tarballs"
)

// apart makes sure, before a sweep, that nobody keeps attachments beside the tarballs of documents that are elsewhere. An Apache CouchDB
// has its own; a settee may have them in the very bucket, and what its documents need it alone knows. Whether it does is seen
// by a blob that is put there for a moment: if that settee has it too, nothing may go.
func apart(client *kivik.Client, db string, bucket tarballs.Store) func(context.Context, func([64]byte)) error {
	return func(ctx context.Context, _ func([64]byte)) error {
		is, err := client.Version(ctx)
		if err != nil {
			return fmt.Errorf("ask the server of --db what it is: %w", err)
		}
		if is.Vendor != "settee" {
			return nil
		}
		base, err := url.Parse(db)
		if err != nil {
			return errors.New("--db: it is no URL") // the cause repeats the password
		}
		mark, err := bucket.Put(ctx, bytes.NewReader([]byte(rand.Text())), nil)
		if err != nil {
			return err
		}
		shared, err := has(ctx, tarballs.NewPeer("--db", base.JoinPath("_settee"), nil), mark.Digest)
		switch gone := bucket.Delete(context.WithoutCancel(ctx), mark.Digest); {
		case err != nil:
			return fmt.Errorf("ask the settee of --db whether it has the bucket too: %w", err)
		case shared:
			return &registry.Error{Status: http.StatusConflict, Message: "The settee that has the documents keeps its attachments in this bucket too, and knows alone which it needs: ask that one: settee gc --server URL"}
		default:
			return gone
		}
	}
}

// has asks a peer for a blob.
func has(ctx context.Context, peer *tarballs.Peer, d tarballs.Digest) (bool, error) {
	body, _, err := peer.OpenAt(ctx, d, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, body.Close()
}
