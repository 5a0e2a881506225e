package replicate

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTaken(t *testing.T) {
	for answer, well := range map[string]bool{
		`{"ok":true,"id":"a","rev":"1-a"}`:  true,
		`[]`:                                true, // pouchdb-server
		`[{"id":"a","error":"forbidden"}]`:  false,
		`{"ok":false}`:                      false,
		`{}`:                                false,
		`null`:                              false,
		`"ok"`:                              false,
		``:                                  false,
		`<html>All went well</html>`:        false,
		`[{"ok":true,"id":"a","rev":"1-a"`:  false,
		strings.Repeat(" ", 100_000) + `[]`: false, // no answer is as long
	} {
		require.Equal(t, well, taken(strings.NewReader(answer)) == nil, "%.40s", answer)
	}
}

// TestPartsAreNamed holds each part to the name that the document has for it: CouchDB goes by
// the order, pouchdb-server by the names.
func TestPartsAreNamed(t *testing.T) {
	names := []string{"z", "dir/a ü.txt", `quo"ted`, "line\r\nbroken: x", "a"}
	doc := `{"_id":"x","_attachments":{"z":{"follows":true},"kept":{"stub":true},"dir/a ü.txt":{"follows":true},"quo\"ted":{"length":1,"follows":true},` +
		`"line\r\nbroken: x":{"follows":true},"other":{"follows":false},"a":{"follows":true}}}`
	left := len(names)
	var body bytes.Buffer
	out := multipart.NewWriter(&body)
	require.NoError(t, writeParts(out, document{id: "x", json: []byte(doc), parts: func() (part, error) {
		if left--; left < 0 {
			return part{}, io.EOF
		}
		return part{contentType: "text/plain", Reader: strings.NewReader(names[len(names)-1-left])}, nil
	}}))
	in := multipart.NewReader(&body, out.Boundary())
	first, err := in.NextRawPart()
	require.NoError(t, err)
	sent, err := io.ReadAll(first)
	require.NoError(t, err)
	require.Equal(t, doc, string(sent))
	unquote := strings.NewReplacer("%22", `"`, "%0D", "\r", "%0A", "\n")
	for _, name := range names {
		p, err := in.NextRawPart()
		require.NoError(t, err)
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
		require.NoError(t, err)
		require.Equal(t, "attachment", kind)
		require.Equal(t, name, unquote.Replace(params["filename"]))
		got, err := io.ReadAll(p)
		require.NoError(t, err)
		require.Equal(t, name, string(got))
	}
	_, err = in.NextRawPart()
	require.ErrorIs(t, err, io.EOF)
}
