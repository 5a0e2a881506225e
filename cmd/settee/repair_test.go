package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/stretchr/testify/require"
)

// strike changes the first record of a stopped server's store that holds a text.
func strike(t *testing.T, data, kind, text string, value []byte) {
	t.Helper()
	db, err := pebble.Open(filepath.Join(data, "couch"), &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: silent{}})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte("d"), UpperBound: []byte("e")})
	require.NoError(t, err)
	defer it.Close() //nolint:errcheck // it was only read
	for ok := it.First(); ok; ok = it.Next() {
		if string(it.Key()[5]) == kind && bytes.Contains(append(it.Key(), it.Value()...), []byte(text)) {
			require.NoError(t, db.Set(it.Key(), value, pebble.Sync))
			return
		}
	}
	require.Fail(t, "there is no such record", "%s %s", kind, text)
}

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(f string, a ...any) {
	panic(f)
}

// What is damaged is found, mended with --repair, and told line by line; what
// was set aside is kept in a file; the rest is as it was.
func TestCheckRepairs(t *testing.T) {
	data := damaged(t)
	s := startServing(t, "--data", data, "--admin", "me:secret")
	for _, doc := range []string{"lost", "kept", "_design/d"} {
		status, answer := ask(t, "me:secret", "PUT", s.couch+"/db/"+doc, `{"text":"`+doc+` text","views":{"v":{"map":"function(doc){emit(doc.text, 1)}"}}}`)
		require.Equal(t, 201, status, answer)
	}
	view := func(s *serving) string {
		_, answer := ask(t, "me:secret", "GET", s.couch+"/db/_design/d/_view/v", "")
		return answer
	}
	require.Contains(t, view(s), `"total_rows":3`)
	require.Equal(t, exitDone, s.stop(t), s.stderr.String())
	strike(t, data, "b", "lost text", []byte("\x00\x00{"))
	strike(t, data, "x", "lost text", []byte{})
	strike(t, data, "i", "kept", nil)

	code, stdout, stderr := settee(t, "check", "--data", data)
	require.Equal(t, exitFailed, code, stderr)
	require.Regexp(t, `(?m)^problem: db: "lost": leaf 1-\w+ has no body that can be read: `, stdout)
	require.Regexp(t, `(?m)^problem: db: "kept": its record cannot be read$`, stdout)
	require.Regexp(t, `(?m)^problem: db: index view-\w+: `, stdout)

	code, stdout, stderr = settee(t, "check", "--data", data, "--repair")
	require.Equal(t, exitDone, code, stdout+stderr)
	require.Regexp(t, `(?m)^mended: db: "lost": leaf 1-\w+ has no body that can be read: .*: the document was set aside$`, stdout)
	require.Regexp(t, `(?m)^mended: db: "kept": its record cannot be read: made anew from its leaves, without their history$`, stdout)
	require.Regexp(t, `(?m), 2 versions: \d+ mended, 0 problems$`, stdout)
	files := filesOf(t, data, "set-aside-*.jsonl")
	require.Len(t, files, 1)
	require.Regexp(t, `(?m)^mended: \d+ records that were set aside are in `+files[0], stdout)
	raw, err := os.ReadFile(files[0])
	require.NoError(t, err)
	var line struct {
		Database   string
		Key, Value []byte
	}
	require.NoError(t, json.Unmarshal(bytes.SplitN(raw, []byte("\n"), 2)[0], &line))
	require.Equal(t, "db", line.Database)

	code, stdout, stderr = settee(t, "check", "--data", data)
	require.Equal(t, exitDone, code, stdout+stderr)
	code, stdout, _ = settee(t, "check", "--data", data, "--repair")
	require.Equal(t, exitDone, code)
	require.Contains(t, stdout, ": 0 mended, 0 problems\n")

	s = startServing(t, "--data", data, "--admin", "me:secret")
	status, answer := ask(t, "me:secret", "GET", s.couch+"/db/kept", "")
	require.Equal(t, 200, status)
	require.Contains(t, answer, `"text":"kept text"`)
	status, _ = ask(t, "me:secret", "GET", s.couch+"/db/lost", "")
	require.Equal(t, 404, status)
	require.Contains(t, view(s), `"total_rows":2`)
	require.Equal(t, exitDone, s.stop(t), s.stderr.String())
}
