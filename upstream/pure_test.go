package upstream

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/fixtures"
	"settee/views/packuments"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		fits          bool
	}{
		{"lodash", "lodash", true}, {"lodash", "Lodash", true}, {"lodash", "lodash.get", false}, {"lodash*", "lodash.get", true},
		{"@acme", "@acme/x", true}, {"@acme", "@acme2/x", false}, {"@acme/*", "@ACME/x", true}, {"@acme/ui-*", "@acme/ui-x", true}, {"@acme/ui-*", "@acme/x", false},
		{"*", "@a/b", true}, {"*", "a", true}, {"*-cli", "a-cli", true}, {"*-cli", "a-client", false}, {"a*b*c", "aXbYbZc", true}, {"a*b*c", "acb", false}, {"*a*a*a*a*", "aaa", false},
	} {
		p, err := ParsePattern(c.pattern)
		require.NoError(t, err)
		require.Equal(t, c.fits, p.Fits(c.name), "%s %s", c.pattern, c.name)
	}
	for _, c := range []struct {
		pattern, number string
		deny, allow     bool
	}{
		{"n@<2", "1.9.9", true, true}, {"n@<2", "2.0.0", false, false}, {"n@<2", "2.0.0-rc.1", true, true}, {"n@^1.2", "1.3.0-beta", true, true},
		{"n@1.0.0beta", "1.0.0beta", true, true}, {"n@<2", "1.0.0beta2", true, true}, {"n@<2", "what", true, false}, {"n", "what", true, true}, {"n@>=1,<2", "1.5.0", true, true}, {"m@<2", "1.0.0", false, false},
	} {
		p, err := ParsePattern(strings.Replace(c.pattern, "1.0.0beta", "1.0.0-beta", 1))
		require.NoError(t, err)
		require.Equal(t, c.deny, p.FitsVersion("n", c.number, true), "%s %s", c.pattern, c.number)
		require.Equal(t, c.allow, p.FitsVersion("n", c.number, false), "%s %s", c.pattern, c.number)
	}
	for _, text := range []string{"", "@", "a b", "a@nonsense!", "a=b", "<1", "a@"} {
		_, err := ParsePattern(text)
		if text != "@" { // a scope without a name fits nothing
			require.Error(t, err, text)
		}
	}
	require.False(t, Pattern{}.Fits(""))
}

func TestRulesOfVersions(t *testing.T) {
	now := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	r := Rules{Deny: patterns(t, "n@<1.1", "bad"), Allow: patterns(t, "n@<9", "bad", "x"), Cooldown: 7 * 24 * time.Hour, Except: patterns(t, "x@2.0.0")}
	for _, c := range []struct {
		name, number string
		age          time.Duration
		why          string
		until        string
	}{
		{"n", "1.0.0", 1000 * time.Hour, "is denied by the policy of this registry (n@<1.1).", ""},
		{"n", "9.0.0", 1000 * time.Hour, "is not among the versions", ""},
		{"bad", "2.0.0", 1000 * time.Hour, "is denied", ""},
		{"other", "1.0.0", 1000 * time.Hour, "is not among", ""},
		{"n", "2.0.0", 1000 * time.Hour, "", ""},
		{"n", "2.0.0", 167 * time.Hour, "is hidden by this registry until 2026-01-10 01:00 UTC: versions younger than 7d are.", "2026-01-10T01:00:00Z"},
		{"n", "2.0.0", 168 * time.Hour, "", ""},
		{"n", "2.0.0", -1000 * time.Hour, "is hidden", "2026-02-27T16:00:00Z"},
		{"x", "2.0.0", time.Hour, "", ""},
		{"x", "2.0.1", time.Hour, "is hidden", "2026-01-16T23:00:00Z"},
	} {
		h, hidden := r.Version(c.name, c.number, now.Add(-c.age), now)
		require.Equal(t, c.why != "", hidden, c)
		require.Contains(t, h.Why, c.why)
		if c.until != "" {
			require.Equal(t, c.until, h.Until.Format(time.RFC3339))
		} else {
			require.True(t, h.Until.IsZero())
		}
	}
	for d, text := range map[time.Duration]string{7 * 24 * time.Hour: "7d", 36 * time.Hour: "36h", 90 * time.Minute: "90m", 90 * time.Second: "1m30s"} {
		require.Equal(t, text, span(d))
	}
}

func TestParseTarget(t *testing.T) {
	for given, want := range map[string][3]string{
		"https://npm.example.com/":                 {"", "https://npm.example.com", ""},
		"@acme=https://ann:p%40ss@npm.example.com": {"@acme", "https://npm.example.com", "Basic YW5uOnBAc3M="},
		"left-*=http://TOKEN@10.0.0.1:4873/x/":     {"left-*", "http://10.0.0.1:4873/x", "Bearer TOKEN"},
	} {
		target, err := ParseTarget(given)
		require.NoError(t, err)
		require.Equal(t, want, [3]string{target.Pattern.String(), target.Name(), target.authorization})
	}
	for _, given := range []string{"", "x", "npm.example.com", "@a@<1=https://x", "=https://x", "@a=ftp://s3cret@x", "https://s3cret@", "https://a:s3cret@x/?q", "https://a:s3cret%@x"} {
		_, err := ParseTarget(given)
		require.Error(t, err, given)
		require.NotContains(t, err.Error(), "s3cret")
	}
	target, err := ParseTarget("@acme=https://npm.example.com")
	require.NoError(t, err)
	require.False(t, target.Authorize("", "t"))
	require.False(t, target.Authorize("other", "t"))
	require.True(t, target.Authorize("npm.example.com", "t"))
	require.True(t, target.Authorize("@acme", "t"))
	require.NoError(t, target.Follow("https://ann:word@feed.example.com/db/_changes"))
	for location, want := range map[string]string{
		"https://npm.example.com/n": "Bearer t", "https://npm.example.com:443/n": "Bearer t", "http://npm.example.com/n": "", "https://npm.example.com:444/": "", "https://x.npm.example.com/": "",
		"https://feed.example.com/db/_changes?since=1": "Basic YW5uOndvcmQ=", "https://feed.example.com/other": "",
	} {
		u, err := url.Parse(location)
		require.NoError(t, err)
		require.Equal(t, want, target.secretFor(u), location)
	}
}

// FuzzDocument makes documents of any text: they are JSON, of that name, and the same made of themselves.
func FuzzDocument(f *testing.F) {
	from, err := url.Parse("https://npm.example.com/x")
	require.NoError(f, err)
	good, err := json.Marshal(pack("n", dict{"1.0.0": dist("https://npm.example.com/x/n/-/n-1.0.0.tgz", nil), "1.0.0beta": dist("http://other/", nil)}))
	require.NoError(f, err)
	for _, seed := range []string{
		string(good), `{"name":"n"}`, `{"name":"n","versions":{"1.0.0":{"dist":{"tarball":"/x","shasum":"da39a3ee5e6b4b0d3255bfef95601890afd80709"}}}}`,
		`{"name":"m","name":"n","versions":{},"versions":{"1.0.0":{}},"dist-tags":{"a":"1.0.0","a":1}}`, `{"\u006eame":"n","settee":1,"\u005frev":2}`,
		`{"name":"n","versions":{"1.0.0":{"dist":{"integrity":"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==","tarball":"https://a/b"},"dist":{"tarball":"https://a/c","shasum":"x"}}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		told := &told{name: "n", from: from, at: time.Unix(0, 0), text: text}
		doc, _, err := told.document()
		if err != nil {
			return
		}
		require.True(t, json.Valid(doc), "%s", doc)
		require.Equal(t, "n", packuments.Text(packuments.Member(doc, "_id")))
		require.Nil(t, packuments.Member(doc, "_rev"))
		require.Equal(t, from.String(), parseMark(packuments.Member(doc, markName)).From)
		versions := packuments.Member(doc, "versions")
		again := *told
		again.text, again.was = doc, doc
		second, _, err := again.document()
		require.NoError(t, err)
		require.Len(t, last(packuments.Member(second, "versions")), len(last(versions)))
	})
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"a", "@a", "@a/b*@<1", "*@^1 || 2", "a@"} {
		f.Add(seed, "a", "1.0.0")
	}
	f.Fuzz(func(t *testing.T, text, name, number string) {
		p, err := ParsePattern(text)
		if err != nil {
			return
		}
		if !p.Ranged() && !strings.ContainsAny(text, "*@") && strings.ToLower(text) == text {
			require.True(t, p.Fits(text))
		}
		if p.FitsVersion(name, number, false) {
			require.True(t, p.FitsVersion(name, number, true))
			require.True(t, p.Fits(name))
		}
	})
}

// BenchmarkDocument makes the document of a packument of 10 MB.
func BenchmarkDocument(b *testing.B) {
	text := fixtures.Packument(1, "pkg", fixtures.Largest)
	from, err := url.Parse("http://localhost:4873")
	require.NoError(b, err)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_, left, err := (&told{name: "pkg", from: from, text: text}).document()
		require.NoError(b, err)
		require.Zero(b, left)
	}
}

// BenchmarkReadThrough reads a packument of 10 MB through, from a registry on this machine, and writes it.
func BenchmarkReadThrough(b *testing.B) {
	text := fixtures.Packument(1, "pkg", fixtures.Largest)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		b.StopTimer()
		o := newOther(b)
		o.on("/pkg", raw("application/json", text))
		h := open(b, o, func(o *Options) { o.stall, o.headTime = time.Minute, time.Minute })
		b.StartTimer()
		_, err := h.Look(b.Context(), "pkg", Held{})
		require.NoError(b, err)
	}
}
