package provenance

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"os"

	"github.com/stretchr/testify/require"

	"settee/fixtures/sigstore"
)

type dict = map[string]any

const repo = "acme/left"

var (
	tarball = []byte("a tarball")
	digest  = sha512.Sum512(tarball)
	left    = Subject{Name: "@acme/left", Version: "1.0.0", Digest: digest}
)

func statement() dict {
	return sigstore.Statement("pkg:npm/%40acme/left@1.0.0", digest[:], "https://github.com/"+repo)
}

func parsed(t testing.TB, raw []byte) *Root {
	r, err := ParseRoot(raw)
	require.NoError(t, err)
	return r
}

func TestVerify(t *testing.T) {
	s := sigstore.New(t)
	r := parsed(t, s.Root())
	bundle := s.Attest(sigstore.GitHub(repo), statement())
	a, err := r.Verify(bundle, left)
	require.NoError(t, err)
	require.Equal(t, &Attestation{
		PredicateType: "https://slsa.dev/provenance/v1", Issuer: "https://token.actions.githubusercontent.com", Repository: "https://github.com/acme/left",
		Workflow: "https://github.com/acme/left/.github/workflows/publish.yml@refs/heads/main", Run: "https://github.com/acme/left/actions/runs/1/attempts/1",
	}, a)

	older := statement()
	older["predicateType"] = "https://slsa.dev/provenance/v0.2"
	older["predicate"] = dict{"invocation": dict{"configSource": dict{"uri": "git+https://github.com/acme/left@refs/heads/main"}}}
	a, err = r.Verify(s.Attest(sigstore.GitHub(repo), older), left)
	require.NoError(t, err)
	require.Equal(t, "https://slsa.dev/provenance/v0.2", a.PredicateType)
}

func TestVerifyRefuses(t *testing.T) {
	s, other := sigstore.New(t), sigstore.New(t)
	r := parsed(t, s.Root())
	build := sigstore.GitHub(repo)
	said := func(edit func(dict)) dict {
		st := statement()
		edit(st)
		return st
	}
	subject := func(st dict) dict { return st["subject"].([]any)[0].(dict) }
	person := sigstore.Build{Issuer: "https://accounts.example", Person: "bob@example.com"}
	late, early, unlogged := build, build, build
	late.At, early.At, unlogged.Unlogged = time.Now().Add(20*time.Minute), time.Now().Add(-20*time.Minute), true
	good := s.Attest(build, statement())
	for name, test := range map[string]struct {
		bundle  []byte
		subject Subject
		why     string
	}{
		"another version":             {good, Subject{left.Name, "1.0.1", digest}, "about pkg:npm/%40acme/left@1.0.0, not about pkg:npm/%40acme/left@1.0.1"},
		"another name":                {good, Subject{"left", "1.0.0", digest}, "not about pkg:npm/left@1.0.0"},
		"other bytes":                 {good, Subject{left.Name, left.Version, sha512.Sum512(nil)}, "other bytes"},
		"another authority":           {other.Attest(build, statement()), left, "does not prove"},
		"two subjects":                {s.Attest(build, said(func(st dict) { st["subject"] = append(st["subject"].([]any), st["subject"].([]any)[0]) })), left, "2 things"},
		"no subject":                  {s.Attest(build, said(func(st dict) { st["subject"] = []any{} })), left, ""},
		"another kind":                {s.Attest(build, said(func(st dict) { st["predicateType"] = "https://example.com/x" })), left, "is a https://example.com/x"},
		"subject's bytes":             {s.Attest(build, said(func(st dict) { subject(st)["digest"] = dict{"sha512": strings.Repeat("0", 128)} })), left, "other bytes"},
		"only another digest":         {s.Attest(build, said(func(st dict) { subject(st)["digest"] = dict{"sha256": strings.Repeat("0", 64)} })), left, ""},
		"another repository":          {s.Attest(sigstore.GitHub("mallory/left"), statement()), left, "its certificate that https://github.com/mallory/left was"},
		"a person":                    {s.Attest(person, statement()), left, "signed by bob@example.com, which is no build"},
		"signed too late":             {s.Attest(late, statement()), left, "had ended"},
		"signed too early":            {s.Attest(early, statement()), left, "had ended"},
		"a certificate nobody logged": {s.Attest(unlogged, statement()), left, "not logged"},
		"no JSON":                     {[]byte("{"), left, "cannot be read"},
		"nothing":                     {nil, left, "cannot be read"},
		"too large":                   {bytes.Repeat([]byte(" "), MostBundle+1), left, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.Verify(test.bundle, test.subject)
			var why *Refusal
			require.ErrorAs(t, err, &why)
			require.Contains(t, why.Reason, test.why, err)
			require.NotContains(t, why.Reason, "\n")
		})
	}
}

// TestVerifyRefusesEdits changes a good bundle one member after the other.
func TestVerifyRefusesEdits(t *testing.T) {
	s := sigstore.New(t)
	r := parsed(t, s.Root())
	good := s.Attest(sigstore.GitHub(repo), statement())
	other := s.Attest(sigstore.GitHub(repo), statement())
	n := 0
	var walk func(path []any, a, b any)
	walk = func(path []any, a, b any) {
		switch a := a.(type) {
		case dict:
			for k, v := range a {
				walk(append(path[:len(path):len(path)], k), v, b.(dict)[k])
			}
		case []any:
			for i := range a {
				walk(append(path[:len(path):len(path)], i), a[i], b.([]any)[i])
			}
		default:
			last := path[len(path)-1]
			if a == b || last == "envelope" { // the checkpoint is of a log with one entry: another's does not matter where a promise is there too
				return
			}
			n++
			edited := replaced(t, good, path, b)
			_, err := r.Verify(edited, left)
			require.Error(t, err, "%v", path)
		}
	}
	walk(nil, decoded(t, good), decoded(t, other))
	require.Greater(t, n, 4, "the certificate, the signature, the log's entry, its promise, the proof")

	without := decoded(t, good)
	without["verificationMaterial"].(dict)["tlogEntries"] = []any{}
	raw, err := json.Marshal(without)
	require.NoError(t, err)
	_, err = r.Verify(raw, left)
	require.ErrorContains(t, err, "transparency log")

	keyed := decoded(t, good)
	m := keyed["verificationMaterial"].(dict)
	delete(m, "certificate")
	m["publicKey"] = dict{"hint": "x"}
	raw, err = json.Marshal(keyed)
	require.NoError(t, err)
	_, err = r.Verify(raw, left)
	require.Error(t, err)
}

func decoded(t testing.TB, raw []byte) (d dict) {
	require.NoError(t, json.Unmarshal(raw, &d))
	return d
}

func replaced(t testing.TB, raw []byte, path []any, value any) []byte {
	top := any(decoded(t, raw))
	at := top
	for _, step := range path[:len(path)-1] {
		if i, isIndex := step.(int); isIndex {
			at = at.([]any)[i]
		} else {
			at = at.(dict)[step.(string)]
		}
	}
	at.(dict)[path[len(path)-1].(string)] = value
	out, err := json.Marshal(top)
	require.NoError(t, err)
	return out
}

// TestPublicRoot proves a bundle that was published to npm's own registry, with the root that is built in.
func TestPublicRoot(t *testing.T) {
	r, err := PublicRoot()
	require.NoError(t, err)
	raw := published(t)
	var b struct {
		DSSE struct{ Payload string } `json:"dsseEnvelope"`
	}
	require.NoError(t, json.Unmarshal(raw, &b))
	text, err := base64.StdEncoding.DecodeString(b.DSSE.Payload)
	require.NoError(t, err)
	var st struct {
		Subject []struct {
			Name   string
			Digest struct{ SHA512 string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &st))
	require.Equal(t, "pkg:npm/sigstore@2.0.0", st.Subject[0].Name)
	subject := Subject{Name: "sigstore", Version: "2.0.0"}
	copy(subject.Digest[:], unhex(t, st.Subject[0].Digest.SHA512))
	a, err := r.Verify(raw, subject)
	require.NoError(t, err)
	require.Equal(t, "https://github.com/sigstore/sigstore-js", a.Repository)
	subject.Digest[0]++
	_, err = r.Verify(raw, subject)
	require.ErrorContains(t, err, "other bytes")
	_, err = parsed(t, sigstore.New(t).Root()).Verify(raw, subject)
	require.ErrorContains(t, err, "transparency log")
}

// published is a bundle out of sigstore-go's own test data, where the module lies.
func published(t testing.TB) []byte {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/sigstore/sigstore-go").Output()
	require.NoError(t, err)
	raw, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "pkg/testing/data/bundles/sigstore.js@2.0.0-provenance.sigstore.json"))
	require.NoError(t, err)
	return raw
}

func TestRootsThatAreNone(t *testing.T) {
	for _, raw := range []string{"", "{}", `{"mediaType":"x"}`, `[]`} {
		_, err := ParseRoot([]byte(raw))
		require.Error(t, err)
	}
	_, err := ReadRoot(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestSameRepository(t *testing.T) {
	for _, same := range []string{
		"https://github.com/acme/left", "git+https://github.com/acme/left.git", "git://github.com/acme/left.git#main", "git@github.com:acme/left.git",
		"ssh://git@github.com/acme/left.git", "git+ssh://git@github.com/acme/left", "github:acme/left", "acme/left", " HTTPS://GitHub.com/Acme/Left/ ", "https://www.github.com/acme/left",
	} {
		require.True(t, SameRepository(same, "https://github.com/acme/left"), same)
	}
	for _, other := range []string{"", "acme", "https://github.com/acme/left2", "https://gitlab.com/acme/left", "gitlab:acme/left", "https://github.com.evil/acme/left",
		"https://evil@github.com.x/acme/left", "://", "https://github.com", "bitbucket:acme/left"} {
		require.False(t, SameRepository(other, "https://github.com/acme/left"), other)
	}
	require.False(t, SameRepository("", ""))
}

func FuzzVerify(f *testing.F) {
	s := sigstore.New(f)
	r := parsed(f, s.Root())
	good := s.Attest(sigstore.GitHub(repo), statement())
	f.Add(good)
	f.Add(published(f))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle+json;version=0.1","verificationMaterial":{"publicKey":{}},"dsseEnvelope":{}}`))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"certificate":{"rawBytes":""},"tlogEntries":[{}]},"dsseEnvelope":{"signatures":[{}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := r.Verify(raw, left)
		if err != nil {
			return
		}
		require.Equal(t, "https://github.com/acme/left", a.Repository, "no other was ever certified")
	})
}

func FuzzSameRepository(f *testing.F) {
	f.Add("git+https://github.com/acme/left.git", "acme/left")
	f.Add("git@host:a/b", "x://")
	f.Fuzz(func(t *testing.T, a, b string) {
		require.Equal(t, SameRepository(a, b), SameRepository(b, a))
	})
}

func BenchmarkVerify(b *testing.B) {
	s := sigstore.New(b)
	r := parsed(b, s.Root())
	good := s.Attest(sigstore.GitHub(repo), statement())
	for b.Loop() {
		if _, err := r.Verify(good, left); err != nil {
			b.Fatal(err)
		}
	}
}
