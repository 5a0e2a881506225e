package registry

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/provenance"
)

// TestSignaturesOfBeyond keeps those of another registry, shows its keys beside ours, and asks it for attestations once.
func TestSignaturesOfBeyond(t *testing.T) {
	o := newOther(t)
	theirs, err := provenance.NewKey(time.Now())
	require.NoError(t, err)
	o.gives("/-/npm/v1/keys", "application/json", []byte(`{"keys":[{"keyid":"far","keytype":"ecdsa-sha2-nistp256","scheme":"ecdsa-sha2-nistp256","expires":"2040-01-01T00:00:00.000Z","key":"`+theirs.Public()+`"},{"keyid":"bad","key":"x"}]}`))
	h := openBeyond(t, o)
	o.publish("far", h.clock.Now(), farVersion{"1.0.0", time.Hour, sampleTarball(t, "far", "1.0.0", 100)})
	h.publish(h.bob, "near", "1.0.0")
	var keys map[string]*provenance.Key
	require.Eventually(t, func() bool { keys = h.shownKeys(); return len(keys) == 2 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, 2040, keys["far"].Expires.Year())
	require.Equal(t, []any{dict{"keyid": "far", "sig": "x"}}, at(t, h.do("GET", "/far", "", nil).JSON(), "versions", "1.0.0", "dist", "signatures"))
	require.Empty(t, h.audited("near", keys))

	// It rotates its keys: ours says so too.
	own := h.keys.Load().signer(h.clock.Now())
	require.NoError(t, h.signing.Import(t.Context(), own.ID, theirs.Public(), h.clock.Now(), h.clock.Now()))
	require.NoError(t, h.signing.Import(t.Context(), "far", theirs.Public(), h.clock.Now().Add(time.Hour), h.clock.Now()))
	require.Eventually(t, func() bool {
		keys = h.shownKeys()
		return keys["far"].Expires.Year() == h.clock.Now().Add(time.Hour).UTC().Year()
	}, 30*time.Second, 5*time.Millisecond)
	require.Zero(t, keys[own.ID].Expires, "nobody ends ours that way")

	require.Equal(t, 404, h.do("GET", "/-/npm/v1/attestations/far@1.0.0", "", nil).Status)
	o.gives("/-/npm/v1/attestations/far@1.0.0", "application/json", []byte(`{"attestations":[{"predicateType":"a","bundle":{"x":1}},{"predicateType":"b","bundle":{}}]}`))
	o.seen()
	for range 2 {
		res := h.do("GET", "/-/npm/v1/attestations/far@1.0.0", "", nil)
		require.Equal(t, 200, res.Status, "%s", res.Body)
		var answer struct{ Attestations []dict }
		require.NoError(t, json.Unmarshal(res.Body, &answer))
		require.Len(t, answer.Attestations, 2)
	}
	require.Equal(t, []string{"/-/npm/v1/attestations/far@1.0.0"}, o.seen(), "it is asked once")
}
