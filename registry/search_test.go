package registry

import (
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// finding are the names that a search finds.
func (h *house) finding(token, query string) (found []string) {
	h.t.Helper()
	found = []string{}
	for _, o := range h.sends(token, "GET", "/-/v1/search?"+query, nil, 200).JSON()["objects"].([]any) {
		found = append(found, at(h.t, o, "package", "name").(string))
	}
	return found
}

func TestSearch(t *testing.T) {
	h := open(t, searching(t))
	for _, name := range []string{"tool-one", "tool-two", "other", "@bob/tool"} {
		h.publish(h.bob, name, "1.0.0")
	}
	h.found()
	for query, want := range map[string][]string{
		"text=tool&size=20&from=0&quality=0.65&popularity=0.98&maintenance=0.5": {"@bob/tool", "tool-one", "tool-two"}, // what npm sends
		"text=tool&from=1":                {"tool-one", "tool-two"},
		"text=tool&size=1&from=2":         {"tool-two"},
		"text=tool&size=0":                {},
		"text=scope:bob":                  {"@bob/tool"},
		"text=scope:@bob":                 {"@bob/tool"},
		"text=maintainer:bob+one":         {"tool-one"},
		"text=maintainer:ann":             {},
		"text=keywords:sample+other":      {"other"},
		"text=keywords:sample%2Babsent":   {},
		"text=not:deprecated+two":         {"tool-two"},
		"text=is:deprecated":              {},
		"text=othr":                       {"other"}, // a typing error
		"text=tool&from=10000000":         {},
		"text=tool-one&size=100000000000": {"tool-one"},
	} {
		require.Equal(t, want, h.finding("", query), query)
	}
	for query, code := range map[string]string{
		"": "ERR_TEXT_MISSING", "text=": "ERR_TEXT_MISSING", "text=+++": "ERR_TEXT_MISSING", "text=tool&size=x": "E400", "text=tool&from=-1": "E400",
		"text=tool&quality=NaN": "E400", "text=tool&popularity=x": "E400", "text=" + string(make([]byte, 1)): "ERR_TEXT_MISSING",
	} {
		require.Equal(t, code, h.sends("", "GET", "/-/v1/search?"+url.PathEscape(query), nil, 400).JSON()["code"], query)
	}
	require.Equal(t, 404, open(t).do("GET", "/-/v1/search?text=x", "", nil).Status, "where search is off")
}

// TestSearchObject is point 26 of the reference: npm breaks where a member that it reads is not there.
func TestSearchObject(t *testing.T) {
	h := open(t, searching(t))
	doc := publishing("@bob/tool", "0.1.0", sampleTarball(t, "@bob/tool", "0.1.0", 5))
	manifest := at(t, doc, "versions", "0.1.0").(dict)
	manifest["author"], manifest["repository"] = "Ann Other <ann@example.com>", dict{"type": "git", "url": "git+https://git.example.com/x/y.git"}
	manifest["bugs"], manifest["homepage"] = dict{"url": "https://git.example.com/x/y/issues"}, "javascript:alert(1)"
	manifest["keywords"] = "one, two"
	h.sends(h.bob, "PUT", "/@bob%2ftool", doc, 201)
	h.publish(h.bob, "plain", "1.0.0")
	h.sends(h.ann, "PUT", "/-/user/v1/star", dict{"name": "plain", "package": "plain"}, 200)
	h.found()
	res := h.sends("", "GET", "/-/v1/search?text=@bob/tool", nil, 200).JSON()
	require.Equal(t, 1.0, res["total"])
	require.NotEmpty(t, res["time"])
	object := res["objects"].([]any)[0].(dict)
	about := object["package"].(dict)
	for member, want := range (dict{
		"name": "@bob/tool", "sanitized_name": "@bob/tool", "scope": "bob", "version": "0.1.0", "description": "a sample", "license": "MIT",
		"publisher": dict{"username": "bob", "email": "bob@example.com"}, "maintainers": []any{dict{"username": "bob", "email": "bob@example.com"}},
		"author": dict{"name": "Ann Other", "email": "ann@example.com"}, "keywords": []any{"one", "two"},
		"links": dict{"npm": h.url + "/@bob/tool", "repository": "https://git.example.com/x/y", "bugs": "https://git.example.com/x/y/issues"},
	}) {
		require.Equal(t, want, about[member], member)
	}
	_, err := time.Parse(time.RFC3339, about["date"].(string))
	require.NoError(t, err)
	require.Equal(t, dict{"unstable": true}, object["flags"])
	for _, signal := range []string{"quality", "popularity", "maintenance"} {
		n := at(t, object, "score", "detail", signal).(float64)
		require.True(t, n >= 0 && n <= 1, "%s %v", signal, n)
	}
	require.Positive(t, at(t, object, "score", "final"))
	bare := h.sends("", "GET", "/-/v1/search?text=plain", nil, 200).JSON()["objects"].([]any)[0].(dict)
	require.NotContains(t, bare, "flags")
	require.Equal(t, "unscoped", at(t, bare, "package", "scope"))
	require.NotNil(t, at(t, bare, "package", "keywords"))
}

// TestSearchRights searches for what only some may read: results, totals and typing errors.
func TestSearchRights(t *testing.T) {
	h := open(t, searching(t))
	for i := range 12 {
		name := "@bob/hidden-tool-" + strconv.Itoa(i)
		doc := publishing(name, "1.0.0", sampleTarball(t, name, "1.0.0", 5))
		doc["access"] = "restricted"
		h.sends(h.bob, "PUT", "/"+url.PathEscape(name), doc, 201)
	}
	h.publish(h.bob, "tool-shown", "1.0.0")
	h.publish(h.bob, "dep", "1.0.0")
	h.publish(h.bob, "toll-shown", "1.0.0")
	h.found()
	for _, who := range []string{"", h.ann} {
		for query, want := range map[string][]string{
			"text=hidden": {}, "text=hidd": {}, "text=hiden": {}, "text=@bob/hidden-tool-1": {}, "text=scope:bob": {},
			"text=tool": {"tool-shown", "toll-shown"}, // no ten are found: typing errors count, whatever bob has
		} {
			res := h.sends(who, "GET", "/-/v1/search?"+query, nil, 200)
			require.Equal(t, want, h.finding(who, query), query)
			require.Equal(t, float64(len(want)), res.JSON()["total"], query)
			require.NotContains(t, string(res.Body), "hidden-")
		}
		dep := h.sends(who, "GET", "/-/v1/search?text=dep", nil, 200).JSON()["objects"].([]any)[0].(dict)
		require.Equal(t, 3.0, dep["dependents"], "of the public ones: dep needs itself, too")
	}
	require.Equal(t, 13.0, h.sends(h.bob, "GET", "/-/v1/search?text=tool", nil, 200).JSON()["total"])
	require.Len(t, h.finding(h.root, "text=hidden"), 12)

	// Who may read it changes.
	h.sends(h.bob, "POST", "/-/package/@bob%2fhidden-tool-0/access", dict{"access": "public"}, 200)
	require.Eventually(t, func() bool { return len(h.finding("", "text=hidden")) == 1 }, 10*time.Second, 5*time.Millisecond)
	h.sends(h.bob, "POST", "/-/package/@bob%2fhidden-tool-0/access", dict{"access": "restricted"}, 200)
	require.Eventually(t, func() bool { return len(h.finding("", "text=hidden")) == 0 }, 10*time.Second, 5*time.Millisecond)
}

// TestSearchBeyond finds what was read through from another registry, and nothing of it that has a name of ours.
func TestSearchBeyond(t *testing.T) {
	o := newOther(t)
	h := open(t)
	r := h.reopen(o)
	r.o.SearchDir = t.TempDir()
	require.NoError(t, r.openSearch())
	o.publish("far-tool", h.clock.Now(), farVersion{"1.0.0", time.Hour, []byte("x")})
	require.Equal(t, 200, h.do("GET", "/far-tool", "", nil).Status)
	h.publish(h.bob, "near-tool", "1.0.0")
	require.Eventually(t, func() bool { return len(h.finding("", "text=tool")) == 2 }, 10*time.Second, 5*time.Millisecond)

	doc := publishing("far-tool", "1.0.0", sampleTarball(t, "far-tool", "1.0.0", 5)) // it is somebody's here from now on
	h.sends(h.root, "PUT", "/far-tool", doc, 201)
	require.Eventually(t, func() bool {
		known, err := r.index.Lookup(t.Context(), []string{"far-tool"})
		return err == nil && len(known["far-tool"].Maintainers) == 1
	}, 10*time.Second, 5*time.Millisecond)
	require.ElementsMatch(t, []string{"far-tool", "near-tool"}, h.finding("", "text=tool"))
	rev := h.sends(h.root, "GET", "/far-tool?write=true", nil, 200).JSON()["_rev"].(string)
	h.sends(h.root, "DELETE", "/far-tool/-rev/"+rev, nil, 200)
	require.Eventually(t, func() bool { return len(h.finding("", "text=tool")) == 1 }, 10*time.Second, 5*time.Millisecond)
}
