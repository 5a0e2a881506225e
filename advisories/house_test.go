package advisories

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"settee/fixtures/engine"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"
)

type dict = map[string]any

// house is a database on the real engine, and advisories that follow it.
type house struct {
	*Advisories
	t      testing.TB
	client *kivik.Client
	db     *kivik.DB
}

func begin(t testing.TB) *house {
	client := engine.Open(t).Client
	a, err := Open(context.Background(), client, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	require.NoError(t, a.Ready(context.Background()))
	return &house{a, t, client, client.DB(Database)}
}

// osv is a record about a package that is flawed before a version.
func osv(id, modified, name, fixed string, more ...dict) dict {
	events := []any{dict{"introduced": "0"}}
	if fixed != "" {
		events = append(events, dict{"fixed": fixed})
	}
	r := dict{
		"schema_version": "1.4.0", "id": id, "modified": modified, "published": "2024-01-01T00:00:00Z", "summary": "Trouble in " + name,
		"severity": []any{dict{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}},
		"affected": []any{dict{"package": dict{"ecosystem": "npm", "name": name}, "ranges": []any{dict{"type": "SEMVER", "events": events}}}},
	}
	for _, m := range more {
		for k, v := range m {
			r[k] = v
		}
	}
	return r
}

const day = "2024-05-01T00:00:00Z"

func (h *house) write(files map[string]any) (dir string) {
	dir = h.t.TempDir()
	for name, content := range files {
		raw, ok := content.([]byte)
		if !ok {
			var err error
			raw, err = json.Marshal(content)
			require.NoError(h.t, err)
		}
		file := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(h.t, os.MkdirAll(filepath.Dir(file), 0o777))
		require.NoError(h.t, os.WriteFile(file, raw, 0o666))
	}
	return dir
}

func zipped(t testing.TB, files map[string]any) string {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, content := range files {
		raw, ok := content.([]byte)
		if !ok {
			var err error
			raw, err = json.Marshal(content)
			require.NoError(t, err)
		}
		w, err := z.Create(name)
		require.NoError(t, err)
		_, err = w.Write(raw)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	file := filepath.Join(t.TempDir(), "all.zip")
	require.NoError(t, os.WriteFile(file, out.Bytes(), 0o666))
	return file
}

func (h *house) imports(path string) Report {
	h.t.Helper()
	r, err := Import(context.Background(), h.db, path, ImportOptions{})
	require.NoError(h.t, err)
	return r
}

// knows waits until these are the advisories of a version.
func (h *house) knows(name, version string, ids ...string) []Advisory {
	h.t.Helper()
	var found []Advisory
	require.Eventually(h.t, func() bool {
		found = h.Known(name, version)
		if len(found) != len(ids) {
			return false
		}
		for i, id := range ids {
			if found[i].ID != id {
				return false
			}
		}
		return true
	}, 10*time.Second, 2*time.Millisecond, "%s@%s: %v, not %v", name, version, &found, ids)
	return found
}
