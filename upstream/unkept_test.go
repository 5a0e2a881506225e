package upstream

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/fixtures/engine"
	"settee/views"
)

const (
	mostStored = 20 << 10 // bytes of a document that the database of these tests takes
	mostAside  = 100 << 10
)

// openNarrow is a reader on a database that takes small documents only.
func openNarrow(t *testing.T, o *other) *house {
	e := engine.Open(t, engine.Twins, func(c *couch.Options, _ *views.Options) { c.MaxDocumentSize = mostStored })
	return openOn(t, e.Client, o, func(u *Options) { u.MaxUnkept = mostAside })
}

// publishLarge has the origin tell of a package of so many bytes.
func (o *other) publishLarge(name, number string, bytes int) {
	all := pack(name, dict{number: dist(o.URL+"/"+name+"/-/"+name+"-"+number+".tgz", []byte(number))})
	all["readme"] = strings.Repeat("x", bytes)
	o.on("/"+name, says(all))
	o.on("/"+name+"/-/"+name+"-"+number+".tgz", blob([]byte(number)))
}

// TestUnkept serves a package that the database has no room for, asks whether it changed as of any other, and has it in the database once it fits.
func TestUnkept(t *testing.T) {
	o := newOther(t)
	h := openNarrow(t, o)
	o.publishLarge("n", "1.0.0", mostStored)
	doc, found, err := h.look("n")
	require.NoError(t, err)
	require.True(t, found.Changed)
	require.Contains(t, doc["versions"], "1.0.0")
	kept, _, err := read(t.Context(), h.db, "n")
	require.NoError(t, err)
	require.Nil(t, kept)
	got, err := h.fetch("n", "1.0.0")
	require.NoError(t, err)
	require.Equal(t, "1.0.0", string(got))

	first, _ := h.held("n")
	_, found, err = h.look("n")
	require.NoError(t, err)
	require.False(t, found.Changed)
	require.Equal(t, 1, o.asked("/n"), "it is fresh")
	h.Pass(2 * time.Hour)
	_, found, err = h.look("n")
	require.NoError(t, err)
	require.False(t, found.Changed)
	require.NotEmpty(t, o.last().Header.Get("If-None-Match"))

	o.publishLarge("n", "2.0.0", mostStored)
	h.Pass(6 * time.Minute)
	_, _, err = h.look("n") // does not wait
	require.NoError(t, err)
	h.settled()
	found, err = h.Look(t.Context(), "n", first)
	require.NoError(t, err)
	require.True(t, found.Changed, "who holds what was before is told, as no feed does")
	doc, _, err = h.look("n")
	require.NoError(t, err)
	require.Contains(t, doc["versions"], "2.0.0")

	o.publish("n", "3.0.0", []byte("three"))
	h.Pass(2 * time.Hour)
	doc, _, err = h.look("n")
	require.NoError(t, err)
	require.Contains(t, doc["versions"], "3.0.0")
	require.Contains(t, doc, "_rev", "it is of the database")
	require.Zero(t, h.unkeptBytes)

	o.publishLarge("n", "4.0.0", mostStored) // and it grows again
	h.Pass(2 * time.Hour)
	doc, found, err = h.look("n")
	require.NoError(t, err)
	require.True(t, found.Changed)
	require.Contains(t, doc["versions"], "4.0.0")
	held, _ := h.held("n")
	o.on("/n", nil)
	h.Pass(2 * time.Hour)
	doc, found, err = h.look("n")
	require.NoError(t, err)
	require.True(t, found.Changed)
	require.Nil(t, doc, "it is forgotten, in the database too")
	found, err = h.Look(t.Context(), "n", held)
	require.NoError(t, err)
	require.True(t, found.Changed)
}

// TestUnkeptIsBounded holds what was used last, and asks again for what made room.
func TestUnkeptIsBounded(t *testing.T) {
	o := newOther(t)
	h := openNarrow(t, o)
	var first Held
	for i := range 10 {
		name := fmt.Sprintf("n%d", i)
		o.publishLarge(name, "1.0.0", mostStored)
		_, _, err := h.look(name)
		require.NoError(t, err)
		require.LessOrEqual(t, h.unkeptBytes, int64(mostAside))
		if i == 0 {
			first, _ = h.held("n0")
		}
		_, doc := h.held("n1")
		require.Equal(t, i > 0, doc != nil, "it is used all the time")
	}
	require.NotEmpty(t, first.Rev)
	_, doc := h.held("n0")
	require.Nil(t, doc)
	n := o.asked("/n0")
	found, err := h.Look(t.Context(), "n0", first)
	require.NoError(t, err)
	require.True(t, found.Changed)
	require.Equal(t, n+1, o.asked("/n0"), "nobody noted whether it is still so")

	o.publishLarge("giant", "1.0.0", 2*mostAside)
	doc, _, err = h.look("giant")
	require.NoError(t, err)
	require.NotNil(t, doc)
	require.Len(t, h.unkept, 1)
}

// TestUnkeptLearns keeps what a tarball was found to be where the packument is.
func TestUnkeptLearns(t *testing.T) {
	o := newOther(t)
	h := openNarrow(t, o)
	d := dist(o.URL+"/n/-/n-1.0.0.tgz", []byte("one"))
	delete(d, "integrity")
	all := pack("n", dict{"1.0.0": d})
	all["readme"] = strings.Repeat("x", mostStored)
	o.on("/n", says(all))
	o.on("/n/-/n-1.0.0.tgz", blob([]byte("one")))
	_, _, err := h.look("n")
	require.NoError(t, err)
	got, err := h.fetch("n", "1.0.0")
	require.NoError(t, err)
	require.Equal(t, "one", string(got))
	_, doc := h.held("n")
	require.Contains(t, doc["versions"].(dict)["1.0.0"].(dict)["dist"].(dict)["integrity"], "sha512-")
}
