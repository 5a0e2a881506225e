package registry

import (
	"crypto/sha512"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/fixtures/sigstore"
	"settee/provenance"
	"settee/tarballs"
)

// attested is a publish of a version that a build of a repository attests.
func attested(t testing.TB, s *sigstore.Sigstore, name, version, repository string, tgz []byte) dict {
	sum := sha512.Sum512(tgz)
	purl := "pkg:npm/" + strings.Replace(name, "@", "%40", 1) + "@" + version
	doc := publishing(name, version, tgz)
	doc["versions"].(dict)[version].(dict)["repository"] = dict{"type": "git", "url": "git+https://github.com/" + repository + ".git"}
	bundle := s.Attest(sigstore.GitHub(repository), sigstore.Statement(purl, sum[:], "https://github.com/"+repository))
	doc["_attachments"].(dict)[name+"-"+version+".sigstore"] = dict{
		"content_type": "application/vnd.dev.sigstore.bundle.v0.3+json", "data": string(bundle), "length": len(bundle)}
	return doc
}

// believing is a registry that believes a Sigstore of its own.
func believing(t testing.TB, s *sigstore.Sigstore) setting {
	root, err := provenance.ParseRoot(s.Root())
	require.NoError(t, err)
	return func(_ *couch.Options, o *Options) { o.Root = root }
}

func TestAttestationsAreServed(t *testing.T) {
	s := sigstore.New(t)
	h := open(t, believing(t, s))
	for _, name := range []string{"p", "@bob/q"} {
		tgz := sampleTarball(t, name, "1.0.0", 100)
		doc := attested(t, s, name, "1.0.0", "bob/q", tgz)
		require.Equal(t, 201, h.do("PUT", "/"+name, h.bob, doc).Status)
		require.Equal(t, 201, h.do("PUT", "/"+name, h.bob, doc).Status, "again")
		for _, accept := range []string{"*/*", abbreviatedAccept} {
			dist := at(t, h.do("GET", "/"+name, "", nil, "Accept", accept).JSON(), "versions", "1.0.0", "dist")
			require.Equal(t, h.url+"/-/npm/v1/attestations/"+strings.Replace(name, "/", "%2F", 1)+"@1.0.0", at(t, dist, "attestations", "url"))
			require.Equal(t, "https://slsa.dev/provenance/v1", at(t, dist, "attestations", "provenance", "predicateType"))
			require.Equal(t, h.url+"/"+name+"/-/"+PackageName(name).Base()+"-1.0.0.tgz", at(t, dist, "tarball"))
			require.NotEmpty(t, at(t, dist, "signatures"))
		}
		link := at(t, h.do("GET", "/"+name+"/1.0.0", "", nil).JSON(), "dist", "attestations", "url").(string)
		for _, path := range []string{strings.TrimPrefix(link, h.url), "/-/npm/v1/attestations/" + name + "@1.0.0"} {
			res := h.do("GET", path, "", nil)
			require.Equal(t, 200, res.Status, path)
			list := res.JSON()["attestations"].([]any)
			require.Len(t, list, 1)
			require.Equal(t, "https://slsa.dev/provenance/v1", at(t, list[0], "predicateType"))
			raw, err := json.Marshal(at(t, list[0], "bundle"))
			require.NoError(t, err)
			_, err = h.o.Root.Verify(raw, provenance.Subject{Name: name, Version: "1.0.0", Digest: sha512.Sum512(tgz)})
			require.NoError(t, err)
		}
	}
	h.publish(h.bob, "bare", "1.0.0")
	for _, path := range []string{"p@2.0.0", "p", "@bob/q", "none@1.0.0", "bare@1.0.0", "@1.0.0", "p@", "%40", "p@1.0.0%2f..%2f"} {
		require.Equal(t, 404, h.do("GET", "/-/npm/v1/attestations/"+path, "", nil).Status, path)
	}
}

// TestAttestationsAreAsSecretAsTheirPackage restricts a package: nobody else gets to know what built it.
func TestAttestationsAreAsSecretAsTheirPackage(t *testing.T) {
	s := sigstore.New(t)
	h := open(t, believing(t, s))
	doc := attested(t, s, "@bob/q", "1.0.0", "bob/q", sampleTarball(t, "@bob/q", "1.0.0", 100))
	doc["access"] = "restricted"
	require.Equal(t, 201, h.do("PUT", "/@bob%2fq", h.bob, doc).Status)
	const path = "/-/npm/v1/attestations/@bob%2fq@1.0.0"
	require.Equal(t, 404, h.do("GET", path, "", nil).Status)
	require.Equal(t, 404, h.do("GET", path, h.ann, nil).Status)
	res := h.do("GET", path, h.bob, nil)
	require.Equal(t, 200, res.Status)
	require.Contains(t, res.Header.Get("Cache-Control"), "private")
}

func TestPublishRefusesProvenanceThatProvesNothing(t *testing.T) {
	s, other := sigstore.New(t), sigstore.New(t)
	h := open(t, believing(t, s))
	tgz := sampleTarball(t, "p", "1.0.0", 100)
	edited := func(edit func(version dict)) dict {
		doc := attested(t, s, "p", "1.0.0", "bob/p", tgz)
		edit(doc["versions"].(dict)["1.0.0"].(dict))
		return doc
	}
	for name, test := range map[string]struct {
		doc dict
		why string
	}{
		"of nobody known": {attested(t, other, "p", "1.0.0", "bob/p", tgz), "transparency log"},
		"of another version": {func() dict {
			doc := attested(t, s, "p", "1.0.0", "bob/p", tgz)
			more := attested(t, s, "p", "1.0.1", "bob/p", tgz)
			doc["_attachments"].(dict)["p-1.0.0.sigstore"] = more["_attachments"].(dict)["p-1.0.1.sigstore"]
			return doc
		}(), "about pkg:npm/p@1.0.1"},
		"of no repository":      {edited(func(v dict) { delete(v, "repository") }), `the repository "", but the build was of https://github.com/bob/p`},
		"of another repository": {edited(func(v dict) { v["repository"] = "github:bob/q" }), "github:bob/q"},
		"of a broken one":       {edited(func(v dict) { v["repository"] = []any{1} }), "the build was of"},
	} {
		t.Run(name, func(t *testing.T) {
			res := h.do("PUT", "/p", h.bob, test.doc)
			require.Equal(t, 422, res.Status, "%s", res.Body)
			require.Contains(t, res.JSON()["error"], test.why)
			require.Equal(t, 404, h.do("GET", "/p", "", nil).Status)
			require.Zero(t, h.stored())
		})
	}
}

// TestAttestationsOfTwoRegions keeps what each of two publishes of one number proves: the packument says whose it is.
func TestAttestationsOfTwoRegions(t *testing.T) {
	s := sigstore.New(t)
	h := open(t, believing(t, s))
	for i, size := range []int{100, 101} {
		tgz := sampleTarball(t, "p", "1.0.0", size)
		d := sha512.Sum512(tgz)
		p := &publication{name: "p", version: "1.0.0", digest: tarballs.Digest(d), attestation: &provenance.Attestation{PredicateType: []string{"a", "b"}[i]}, bundle: []byte(`{}`)}
		p.integrity = p.digest.SRI()
		require.NoError(t, h.keepAttestation(t.Context(), p))
		require.NoError(t, h.keepAttestation(t.Context(), p))
		require.Equal(t, []string{"a", "b"}[i], h.document(AttestationsDatabase, attestationID("p", "1.0.0", p.digest))["predicateType"])
	}
	s2, err := h.client.DB(AttestationsDatabase).Security(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"_admin"}, s2.Members.Roles)
}
