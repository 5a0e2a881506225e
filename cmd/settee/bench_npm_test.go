package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPackTarballIsWhole(t *testing.T) {
	raw, err := packTarball("a", "1.0.0", tarballSize, 7)
	require.NoError(t, err)
	z, err := gzip.NewReader(bytes.NewReader(raw))
	require.NoError(t, err)
	files := map[string]int{}
	r := tar.NewReader(z)
	for h, err := r.Next(); err != io.EOF; h, err = r.Next() {
		require.NoError(t, err)
		body, err := io.ReadAll(r)
		require.NoError(t, err)
		files[h.Name] = len(body)
	}
	require.Equal(t, tarballSize, files["package/blob.bin"])
	require.Contains(t, files, "package/package.json")
	_, err = io.ReadAll(z)
	require.NoError(t, err, "the gzip stream has its end")
}
