package registry

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/provenance"
	"settee/upstream"
)

// unsignedFar gives another registry a package as one without keys has it: 2.0.0 with a sha512, 1.0.0 of the first years with a sha1 alone.
func (o *other) unsignedFar(t *testing.T, name string, now time.Time) {
	old := sampleTarball(t, name, "1.0.0", 90)
	o.publish(name, now, farVersion{"2.0.0", time.Hour, sampleTarball(t, name, "2.0.0", 100)}, farVersion{"1.0.0", 2 * time.Hour, old})
	sum := sha1.Sum(old)
	o.edits("/"+name, func(doc dict) {
		delete(at(t, doc, "versions", "2.0.0", "dist").(dict), "signatures")
		at(t, doc, "versions", "2.0.0").(dict)["_id"] = "near@1.0.0"
		at(t, doc, "versions", "1.0.0").(dict)["dist"] = dict{"tarball": o.URL + "/" + name + "/-/" + name + "-1.0.0.tgz", "shasum": hex.EncodeToString(sum[:])}
	})
}

// edits changes a document that the registry gives.
func (o *other) edits(path string, change func(dict)) {
	o.mu.Lock()
	answer := o.has[path]
	o.mu.Unlock()
	w := httptest.NewRecorder()
	answer(w, nil)
	var doc dict
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		panic(err) // written by publish
	}
	change(doc)
	raw, _ := json.Marshal(doc)
	o.gives(path, "application/json", raw)
}

// TestVouched has audits pass for what another registry did not sign, whatever its keys, in both forms; and for what it did.
func TestVouched(t *testing.T) {
	o := newOther(t)
	h := openBeyond(t, o)
	o.unsignedFar(t, "plain", h.clock.Now())
	h.publish(h.bob, "near", "1.0.0")
	keys := h.shownKeys()
	require.Empty(t, h.audited("plain", keys))
	require.Empty(t, h.audited("near", keys))
	full := h.do("GET", "/plain", "", nil)
	require.Empty(t, full.Header.Get("Last-Modified"), "a key changes the text, and no time in it")
	short := h.do("GET", "/plain", "", nil, "Accept", abbreviatedAccept).JSON()
	for _, number := range []string{"1.0.0", "2.0.0"} {
		require.Equal(t, at(t, full.JSON(), "versions", number, "dist"), at(t, short, "versions", number, "dist"))
		require.Len(t, at(t, short, "versions", number, "dist", "signatures"), 1)
	}
	require.Equal(t, full.Header.Get("Etag"), h.do("GET", "/plain", "", nil).Header.Get("Etag"))

	// Its sha512 becomes known with its bytes, and is what is signed from then on.
	require.Equal(t, 200, h.do("GET", "/plain/-/plain-1.0.0.tgz", "", nil).Status)
	require.Eventually(t, func() bool {
		dist := at(t, h.do("GET", "/plain", "", nil).JSON(), "versions", "1.0.0", "dist").(dict)
		return dist["integrity"] != nil
	}, 10*time.Second, 5*time.Millisecond)
	require.Empty(t, h.audited("plain", keys))

	// Another key takes the place of one that was stolen, at once.
	stolen := h.keys.Load().signer(h.clock.Now())
	_, err := h.signing.Rotate(t.Context(), h.clock.Now())
	require.NoError(t, err)
	require.NoError(t, h.signing.Revoke(t.Context(), stolen.ID, h.clock.Now()))
	require.Eventually(t, func() bool { keys := h.shownKeys(); return keys[stolen.ID] == nil && h.audited("plain", keys) == "" }, 10*time.Second, 5*time.Millisecond)
}

// TestVouchedBeside leaves what another registry signed with a key of its own as it is, and with one that it does not show adds ours.
func TestVouchedBeside(t *testing.T) {
	o := newOther(t)
	theirs, err := provenance.NewKey(time.Now())
	require.NoError(t, err)
	h := openBeyond(t, o, func(u *upstream.Options) { u.Rules.Cooldown = 90 * time.Minute })
	o.publish("far", h.clock.Now(), farVersion{"2.0.0", 2 * time.Hour, []byte("x")}, farVersion{"3.0.0", time.Hour, []byte("y")})
	integrity := ""
	o.edits("/far", func(doc dict) { integrity = at(t, doc, "versions", "2.0.0", "dist", "integrity").(string) })
	sig, err := theirs.Sign(provenance.Message("far@2.0.0", integrity))
	require.NoError(t, err)
	signature := dict{"keyid": theirs.ID, "sig": sig}
	o.edits("/far", func(doc dict) {
		at(t, doc, "versions", "2.0.0", "dist").(dict)["signatures"] = []any{signature}
	})
	list := func() []any {
		doc := h.do("GET", "/far", "", nil).JSON()
		require.Len(t, doc["versions"], 1, "the other is too young")
		return at(t, doc, "versions", "2.0.0", "dist", "signatures").([]any)
	}
	h.shownKeys()
	require.Len(t, list(), 2)
	require.Equal(t, signature, list()[0])
	require.NoError(t, h.signing.Import(t.Context(), theirs.ID, theirs.Public(), time.Time{}, h.clock.Now()))
	require.Eventually(t, func() bool { return len(list()) == 1 }, 10*time.Second, 5*time.Millisecond)
	require.Empty(t, h.audited("far", h.shownKeys()))
}
