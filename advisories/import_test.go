package advisories

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"
)

func TestImport(t *testing.T) {
	h := begin(t)
	elsewhere := osv("PYSEC-1", day, "left", "1.0.0")
	elsewhere["affected"].([]any)[0].(dict)["package"].(dict)["ecosystem"] = "PyPI"
	files := map[string]any{
		"2024/01/GHSA-a/GHSA-a.json": osv("GHSA-a", day, "left", "1.2.3"),
		"2024/02/GHSA-b.json":        osv("GHSA-b", day, "@acme/right", ""),
		"GHSA-gone.json":             osv("GHSA-gone", day, "left", "9.0.0", dict{"withdrawn": day}),
		"py.json":                    elsewhere,
		"broken.json":                []byte(`{"id":`),
		"notes.txt":                  []byte("not a record"),
		"number.json":                osv("GHSA-c", day, "left", "one"),
	}
	dir := h.write(files)
	var left []string
	report, err := Import(context.Background(), h.db, dir, ImportOptions{Invalid: func(file string, why error) { left = append(left, filepath.Base(file)) }})
	require.NoError(t, err)
	require.Equal(t, Report{Added: 3, Withdrawn: 1, Elsewhere: 1, Invalid: 2}, report)
	require.ElementsMatch(t, []string{"broken.json", "number.json"}, left)
	h.knows("left", "1.2.2", "GHSA-a")
	h.knows("left", "1.2.3")
	h.knows("@acme/right", "7.0.0", "GHSA-b")

	require.Equal(t, Report{Unchanged: 3, Elsewhere: 1, Invalid: 2}, h.imports(zipped(t, files)), "a second time, from an archive")
	const later = "2024-06-01T00:00:00.5Z"
	changed := h.write(map[string]any{"a.json": osv("GHSA-a", later, "left", "1.3.0"), "b.json": osv("GHSA-b", later, "@acme/right", "", dict{"withdrawn": later})})
	require.Equal(t, Report{Changed: 2, Withdrawn: 1}, h.imports(changed))
	h.knows("left", "1.2.3", "GHSA-a")
	h.knows("@acme/right", "7.0.0")
	require.Equal(t, Report{Older: 2, Unchanged: 1, Elsewhere: 1, Invalid: 2}, h.imports(dir), "the first export again")
	h.knows("left", "1.2.3", "GHSA-a")
	h.knows("@acme/right", "7.0.0")
	require.Equal(t, Report{Changed: 1}, h.imports(filepath.Join(h.write(map[string]any{"x": osv("GHSA-a", later, "left", "2.0.0")}), "x")), "the same time, but another text")
	h.knows("left", "1.9.0", "GHSA-a")

	record, err := Show(context.Background(), h.db, "GHSA-a")
	require.NoError(t, err)
	raw, err := json.Marshal(record)
	require.NoError(t, err)
	shown, err := json.Marshal(osv("GHSA-a", later, "left", "2.0.0"))
	require.NoError(t, err)
	require.JSONEq(t, string(shown), string(raw))
	require.NoError(t, Remove(context.Background(), h.db, "GHSA-a"))
	h.knows("left", "1.9.0")
	require.ErrorContains(t, Remove(context.Background(), h.db, "GHSA-a"), "there is no advisory GHSA-a")
	require.ErrorContains(t, Remove(context.Background(), h.db, "_design/x"), "there is no advisory")
	require.Equal(t, Report{Added: 1}, h.imports(h.write(map[string]any{"a.json": osv("GHSA-a", day, "left", "1.2.3")})))
	h.knows("left", "1.0.0", "GHSA-a")
}

func TestImportRefusesBombs(t *testing.T) {
	h := begin(t)
	big := bytes.Repeat([]byte(" "), mostRecord-1)
	bomb := map[string]any{"one.json": osv("GHSA-a", day, "left", "1.2.3")}
	for i := range 30 {
		bomb[fmt.Sprintf("%d.json", i)] = big
	}
	_, err := Import(context.Background(), h.db, zipped(t, bomb), ImportOptions{})
	require.ErrorContains(t, err, "zip bomb")
	report := h.imports(zipped(t, map[string]any{"one.json": osv("GHSA-a", day, "left", "1.2.3"), "large.json": append(big, big...)}))
	require.Equal(t, Report{Added: 1, Invalid: 1}, report)
	_, err = Import(context.Background(), h.db, filepath.Join(t.TempDir(), "none.zip"), ImportOptions{})
	require.ErrorIs(t, err, os.ErrNotExist)
	torn, err := os.ReadFile(zipped(t, bomb))
	require.NoError(t, err)
	half := filepath.Join(t.TempDir(), "half.zip")
	require.NoError(t, os.WriteFile(half, torn[:len(torn)/2], 0o666))
	_, err = Import(context.Background(), h.db, half, ImportOptions{})
	require.ErrorContains(t, err, "half.zip")
}

// TestImportsOfTwoRegions has leaves conflict: everywhere the one counts that was modified last, and an import settles it.
func TestImportsOfTwoRegions(t *testing.T) {
	ctx := context.Background()
	for _, order := range [][]string{{"1-a", "1-b"}, {"1-b", "1-a"}} {
		h := begin(t)
		later := "2024-07-01T00:00:00Z"
		docs := map[string]dict{"1-a": osv("GHSA-a", later, "left", "3.0.0"), "1-b": osv("GHSA-a", day, "left", "1.0.0")}
		if order[0] == "1-b" {
			docs = map[string]dict{"1-b": docs["1-a"], "1-a": docs["1-b"]} // the newest wins by revision, or does not
		}
		for _, rev := range order {
			docs[rev]["_id"], docs[rev]["_rev"] = "GHSA-a", rev
			_, err := h.db.BulkDocs(ctx, []any{docs[rev]}, kivik.Param("new_edits", false))
			require.NoError(t, err)
		}
		require.Equal(t, "<3.0.0", h.knows("left", "2.0.0", "GHSA-a")[0].Vulnerable)
		report := h.imports(h.write(map[string]any{"a.json": osv("GHSA-a", day, "left", "1.0.0")}))
		require.Equal(t, Report{Older: 1}, report)
		report = h.imports(h.write(map[string]any{"a.json": osv("GHSA-a", later, "left", "3.0.0")}))
		require.Equal(t, Report{Changed: 1}, report)
		var doc struct {
			Conflicts []string `json:"_conflicts"`
			Modified  string
		}
		require.NoError(t, h.db.Get(ctx, "GHSA-a", kivik.Param("conflicts", true)).ScanDoc(&doc))
		require.Empty(t, doc.Conflicts)
		require.Equal(t, later, doc.Modified)
		h.knows("left", "2.0.0", "GHSA-a")
	}
}
