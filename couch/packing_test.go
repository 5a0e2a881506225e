package couch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is compressed follows the settings, in CouchDB's reading of them.
func TestPacking(t *testing.T) {
	s := opened(t, Options{})
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	data := []byte(strings.Repeat("hello ", 100))
	packed := func(contentType string) bool {
		doc := parsed(t, "{}")
		doc.ID = DocID(s.NewUUID())
		doc.Attachments = []Attachment{{Name: "f", ContentType: contentType, Data: data}}
		_, err := db.Put(ctx, doc, WriteOptions{})
		require.NoError(t, err)
		a, _, err := db.Attachment(ctx, doc.ID, Rev{}, "f")
		require.NoError(t, err)
		defer a.Close()
		return a.Encoding == "gzip"
	}
	type types map[string]bool
	for _, c := range []struct {
		types, level string
		want         types
	}{
		{"", "", types{"text/plain": true, "TEXT/html; charset=utf-8": true, " application/json ": true, "application/json5": false, "image/png": false, "x/text/plain": false}},
		{"image/*,application/*+xml", "", types{"text/plain": false, "image/svg": true, "application/atom+xml": true, "application/xml": false}},
		{"*", "", types{"text/plain": true, "anything": true}},
		{" , ", "", types{"text/plain": false, "": false}},
		{"text/pl.in", "", types{"text/plain": false, "text/pl.in": true}},
		{"text/*", "0", types{"text/plain": false}},
		{"text/*", "10", types{"text/plain": false}},
		{"text/*", "fast", types{"text/plain": false}},
		{"text/*", "1", types{"text/plain": true}},
	} {
		for key, value := range map[string]string{"compressible_types": c.types, "compression_level": c.level} {
			var err error
			if value == "" {
				_, _, err = s.DeleteSetting("attachments", key)
			} else {
				_, _, err = s.SetSetting("attachments", key, value)
			}
			require.NoError(t, err)
		}
		for contentType, want := range c.want {
			require.Equal(t, want, packed(contentType), "%q in %q at %q", contentType, c.types, c.level)
		}
	}
}
