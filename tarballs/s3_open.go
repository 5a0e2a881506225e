package tarballs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3Options are the effects of a bucket store. The zero value works.
type S3Options struct {
	Transport http.RoundTripper   // default: one with the time-outs of s3Transport
	Getenv    func(string) string // where the keys are; default: os.Getenv
	TempDir   string              // where large bodies are spooled; default: os.TempDir
}

// attempts is how often one request is sent at most, with pauses that double
// from 200 ms to 1 s. Fewer would not outlast a server's restart; more would
// keep npm waiting past its patience.
const attempts = 5

// startPause lies between two questions to a server that is starting.
const startPause = 100 * time.Millisecond

// address is a parsed s3:// URL.
type address struct {
	host, bucket, prefix, region string
	tls                          bool
}

// parseS3 reads s3://HOST[:PORT]/BUCKET[?tls=BOOL&region=NAME&prefix=FOLDER]. TLS
// is on unless tls=false. Keys are refused: addresses are printed in logs.
func parseS3(location string) (address, error) {
	u, err := url.Parse(location)
	if err != nil {
		return address{}, errors.New("not an s3:// address") // err repeats it, keys and all
	}
	a := address{host: u.Host, bucket: strings.Trim(u.Path, "/"), tls: true}
	switch {
	case u.User != nil:
		return a, errors.New("put the keys of s3:// in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, not in the address")
	case u.Scheme != "s3", u.Hostname() == "", a.bucket == "", strings.Contains(a.bucket, "/"):
		return a, fmt.Errorf("%q is not s3://HOST[:PORT]/BUCKET", location)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return a, fmt.Errorf("%q: %w", location, err)
	}
	for name, values := range query {
		value := values[len(values)-1]
		switch name {
		case "tls":
			if a.tls, err = strconv.ParseBool(value); err != nil {
				return a, fmt.Errorf("%q: tls is true or false", location)
			}
		case "region":
			a.region = value
		case "prefix":
			if value = strings.Trim(value, "/"); value != "" {
				a.prefix = value + "/"
			}
		default:
			return a, fmt.Errorf("%q: unknown option %q; there are tls, region and prefix", location, name)
		}
	}
	return a, nil
}

// S3 opens a store in the bucket at s3://HOST[:PORT]/BUCKET, making the bucket where
// it is absent and the keys allow it. Options: tls=false, region=NAME, prefix=FOLDER.
//
// The keys come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN, or else from MINIO_ROOT_USER and MINIO_ROOT_PASSWORD.
func S3(ctx context.Context, location string, o S3Options) (*S3Store, error) {
	a, err := parseS3(location)
	if err != nil {
		return nil, err
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Transport == nil {
		o.Transport = s3Transport()
	}
	keys, err := s3Keys(o.Getenv)
	if err != nil {
		return nil, err
	}
	client, err := minio.NewCore(a.host, &minio.Options{
		Creds: keys, Secure: a.tls, Region: a.region, Transport: o.Transport, MaxRetries: attempts,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", location, err)
	}
	s := &S3Store{client: *client, bucket: a.bucket, prefix: a.prefix, tempDir: o.TempDir}
	if err := s.awaitBucket(ctx, a.region); err != nil {
		return nil, fmt.Errorf("open %s: %w", location, err)
	}
	return s, nil
}

// awaitBucket has patience with a server that is still starting, as one does that
// is started with us: the client gives up at the first 503 where it asks for the
// bucket's region.
func (s *S3Store) awaitBucket(ctx context.Context, region string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	for {
		err := s.ensureBucket(ctx, region)
		var answer minio.ErrorResponse
		if !errors.As(err, &answer) || answer.StatusCode != http.StatusServiceUnavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(startPause):
		}
	}
}

func (s *S3Store) ensureBucket(ctx context.Context, region string) error {
	there, err := s.client.BucketExists(ctx, s.bucket)
	if err != nil || there {
		return err
	}
	err = s.client.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{Region: region})
	// A retry meets the bucket that its first attempt made, or another server did.
	if minio.ToErrorResponse(err).Code == minio.BucketAlreadyOwnedByYou {
		return nil
	}
	if err != nil {
		return fmt.Errorf("bucket %s does not exist and could not be made: %w", s.bucket, err)
	}
	return nil
}

func s3Keys(getenv func(string) string) (*credentials.Credentials, error) {
	for _, names := range [][3]string{
		{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"},
		{"MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", ""},
	} {
		id, secret := getenv(names[0]), getenv(names[1])
		switch {
		case id != "" && secret != "" && names[2] != "":
			return credentials.NewStaticV4(id, secret, getenv(names[2])), nil
		case id != "" && secret != "":
			return credentials.NewStaticV4(id, secret, ""), nil
		case id != "" || secret != "":
			return nil, fmt.Errorf("of %s and %s one is missing in the environment", names[0], names[1])
		}
	}
	return nil, errors.New("s3:// needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
}

// s3Transport waits 5 s for a connection and a minute for an answer's first
// byte: an object of gigabytes may take that long to be put together.
func s3Transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   inFlight,
		DisableCompression:    true, // blobs are given as they are stored
	}
}
