package tarballs

import (
	"context"
	"fmt"
	"strings"
)

// inFlight is the number of requests that wait for a bucket at once. More only
// lengthens its queue.
const inFlight = 64

// Open opens the store at location: a folder's path, or s3://HOST[:PORT]/BUCKET
// (see S3). The layers over a bucket are put together here: connections are
// timed out (s3Transport), requests in flight limited; the client retries each
// request (attempts), and a broken answer is resumed (s3Reader).
func Open(ctx context.Context, location string) (Store, error) {
	scheme, _, isURL := strings.Cut(location, "://")
	switch {
	case !isURL:
		return orNil(Folder(location))
	case scheme == "s3":
		return orNil(S3(ctx, location, S3Options{Transport: limit(s3Transport(), inFlight)}))
	}
	return nil, fmt.Errorf("tarballs lie in a folder or in s3://HOST/BUCKET, not in %s://", scheme)
}

// orNil makes no store of a failed one: a nil *FolderStore in a Store is not nil.
func orNil[S Store](s S, err error) (Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}
