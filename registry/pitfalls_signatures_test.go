package registry

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/provenance"
)

// signed publishes, puts in packages that nobody signed, and looks at everything as npm audit signatures does: there are no keys
// before all is signed, and once there are, every version has a good signature.
func signed(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "@bob/n", "1.0.0-rc.1+build.7")
	h.overwrite("old", foreign("old", func(map[string]dict) {}))
	later, err := New(t.Context(), h.client, h.blobs, h.auth, Options{Now: h.clock.Now, ReadOnly: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, later.Close()) }()
	keys := h.shownKeys()
	require.Len(t, keys, 1)
	for _, name := range []string{"p", "@bob/n", "old"} {
		require.Eventually(t, func() bool { return h.audited(name, keys) == "" }, 10*time.Second, 5*time.Millisecond, name)
		for _, accept := range []string{abbreviatedAccept, "application/json"} {
			for number, v := range h.json("/"+name, "Accept", accept)["versions"].(dict) {
				require.NotEmpty(t, at(t, v, "dist", "signatures"), "%s@%s", name, number)
			}
		}
	}
	unsigned := newKeyring(later.keys.Load().keys)
	later.keys.Store(unsigned)
	require.Equal(t, 404, h.through(later).do("GET", "/-/npm/v1/keys", "", nil).Status, "none before the back-fill is through")
}

// mirroredSignatures has what corepack verifies with the keys that it was built with: what another registry signed comes through as
// it was, in each answer. A real corepack is asked in fixtures/e2e.
func mirroredSignatures(t *testing.T) {
	o := newOther(t)
	h := openBeyond(t, o)
	theirs, err := provenance.NewKey(time.Now())
	require.NoError(t, err)
	for _, name := range []string{"yarn", "@yarnpkg/cli-dist"} {
		o.publish(name, h.clock.Now(), farVersion{"1.22.22", time.Hour, sampleTarball(t, name, "1.22.22", 100)})
		var integrity string
		o.edit(name, func(doc dict) {
			dist := at(t, doc, "versions", "1.22.22", "dist").(dict)
			integrity = dist["integrity"].(string)
			sig, err := theirs.Sign(provenance.Message(name+"@1.22.22", integrity))
			require.NoError(t, err)
			dist["signatures"] = []any{dict{"keyid": "SHA256:theirs", "sig": sig}}
			dist["npm-signature"], dist["odd"] = "-----BEGIN PGP SIGNATURE-----", []any{1.0}
		})
		for _, path := range []string{"/" + name + "/latest", "/" + name + "/1.22.22", "/" + name} {
			for _, accept := range []string{"application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8", "application/json"} {
				doc := h.json(path, "Accept", accept)
				if doc["versions"] != nil {
					doc = at(t, doc, "versions", "1.22.22").(dict)
				}
				require.Equal(t, "1.22.22", doc["version"])
				dist := doc["dist"].(dict)
				require.Equal(t, integrity, dist["integrity"])
				require.Len(t, dist["shasum"], 40)
				require.Regexp(t, "^"+h.url+"/", dist["tarball"])
				list := dist["signatures"].([]any)
				require.Equal(t, "SHA256:theirs", list[0].(dict)["keyid"])
				require.True(t, theirs.Verifies(provenance.Message(name+"@1.22.22", integrity), list[0].(dict)["sig"].(string)))
				require.Equal(t, "-----BEGIN PGP SIGNATURE-----", dist["npm-signature"])
			}
		}
	}
	h.overwrite("copied", foreign("copied", func(dists map[string]dict) { // replicated into our own database
		dists["1.0.0"]["signatures"] = []dict{{"keyid": "SHA256:theirs", "sig": "MEQ="}}
	}))
	require.Eventually(t, func() bool { return h.do("GET", "/copied", "", nil).Status == 200 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, dict{"keyid": "SHA256:theirs", "sig": "MEQ="}, at(t, h.json("/copied"), "versions", "1.0.0", "dist", "signatures").([]any)[0])
}

func jsonOf(res reply, into any) error { return json.Unmarshal(res.Body, into) }
