package registry

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/upstream"
)

// searched is a search of another registry: it finds the same for every text, and notes what it was asked.
type searched struct {
	mu    sync.Mutex
	texts []string
}

func (s *searched) told() (texts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	texts, s.texts = s.texts, nil
	return texts
}

// finds has another registry find packages of one day, by their names.
func (o *other) finds(day time.Time, names ...string) *searched {
	objects := []dict{}
	for _, name := range names {
		objects = append(objects, dict{
			"package": dict{"name": name, "version": "2.0.0", "description": "of elsewhere", "keywords": "a, b", "date": day.Format(isoTime), "links": dict{"npm": "x", "homepage": "javascript:alert(1)", "repository": "https://git.example.com/x"},
				"publisher": dict{"username": "eva", "email": "eva@example.com"}, "maintainers": []any{dict{"username": "eva"}, 7}},
			"score": dict{"final": 341.5, "detail": dict{"quality": 1, "popularity": "0.5"}}, "searchScore": 1e99, "dependents": "12", "downloads": dict{"weekly": 5, "monthly": 20},
		})
	}
	raw, _ := json.Marshal(dict{"objects": objects, "total": len(objects)})
	s := &searched{}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.has["/-/v1/search"] = func(w http.ResponseWriter, q *http.Request) {
		s.mu.Lock()
		s.texts = append(s.texts, q.URL.Query().Get("text"))
		s.mu.Unlock()
		_, _ = w.Write(raw)
	}
	return s
}

// searchingBeyond is a house that searches here and elsewhere.
func searchingBeyond(t *testing.T, o *other, settings ...func(*upstream.Options)) *house {
	h := open(t)
	r := h.reopen(o, settings...)
	r.o.SearchDir = t.TempDir()
	require.NoError(t, r.openSearch())
	require.NoError(t, r.index.Ready(t.Context()))
	return h
}

// TestSearchFar finds what another registry has behind our own, page by page, and once.
func TestSearchFar(t *testing.T) {
	o := newOther(t)
	h := searchingBeyond(t, o)
	o.publish("tool-kept", h.clock.Now(), farVersion{"1.0.0", time.Hour, []byte("x")})
	require.Equal(t, 200, h.do("GET", "/tool-kept", "", nil).Status)
	for _, name := range []string{"tool-one", "tool-two", "@bob/tool-three"} {
		h.publish(h.bob, name, "1.0.0")
	}
	own := func() bool { return len(h.finding("", "text=tool")) == 4 }
	require.Eventually(t, own, 10*time.Second, 5*time.Millisecond)
	s := o.finds(h.clock.Now().Add(-time.Hour), "tool-far", "tool-kept", "tool-one", "@bob/other", "@eva/tool", "kept")
	require.True(t, own(), "what was answered is believed for a while: there was no search")
	h.clock.Pass(time.Hour)
	all := h.finding("", "text=tool")
	require.Equal(t, []string{"tool-far", "@eva/tool", "kept"}, all[4:])
	require.Len(t, all, 7)
	for from := range 9 {
		for size := range 5 {
			res := h.sends("", "GET", "/-/v1/search?"+url.Values{"text": {"tool"}, "from": {string(count(from))}, "size": {string(count(size))}}.Encode(), nil, 200).JSON()
			require.EqualValues(t, 7, res["total"])
			var page []string
			for _, one := range res["objects"].([]any) {
				page = append(page, at(t, one, "package", "name").(string))
			}
			require.True(t, slices.Equal(all[min(from, 7):min(from+size, 7)], page), "%d+%d: %v", from, size, page)
		}
	}
	require.Equal(t, []string{"tool"}, s.told(), "one question for all pages")

	object := h.sends("", "GET", "/-/v1/search?text=tool&from=4&size=1", nil, 200).JSON()["objects"].([]any)[0].(dict)
	require.Equal(t, dict{"npm": h.url + "/tool-far", "repository": "https://git.example.com/x"}, at(t, object, "package", "links"))
	require.Equal(t, []any{"a", "b"}, at(t, object, "package", "keywords"))
	require.Equal(t, []any{dict{"username": "eva", "email": ""}, dict{"username": "", "email": ""}}, at(t, object, "package", "maintainers"), "npm reads each one's username")
	require.Equal(t, 12.0, object["dependents"])
	require.Equal(t, dict{"weekly": 5.0, "monthly": 20.0}, object["downloads"])
	require.Equal(t, 341.5, at(t, object, "score", "final"))

	o.CloseClientConnections()
	o.Close()
	h.clock.Pass(time.Hour)
	require.Len(t, h.finding("", "text=tool"), 4, "ours are found alone")
}

// TestSearchTellsNothing tells another registry no word that names something of ours, or that is for others to hear.
func TestSearchTellsNothing(t *testing.T) {
	o := newOther(t)
	h := searchingBeyond(t, o, func(u *upstream.Options) {
		target, err := upstream.ParseTarget("@partner=" + o.URL + "/partner")
		require.NoError(t, err)
		u.Targets = append(u.Targets, target)
	})
	h.restrict("@bob/billing-core")
	h.restrict("@bob/react")
	h.publish(h.bob, "near-by", "1.0.0")
	h.publish(h.bob, "gone-by", "1.0.0")
	rev := h.sends(h.bob, "GET", "/gone-by?write=true", nil, 200).JSON()["_rev"].(string)
	h.sends(h.bob, "DELETE", "/gone-by/-rev/"+rev, nil, 200)
	require.Eventually(t, func() bool {
		return len(h.finding(h.bob, "text=near-by")) == 1 && len(h.finding(h.bob, "text=billing")) == 1 && len(h.finding(h.bob, "text=react")) == 1
	}, 10*time.Second, 5*time.Millisecond)
	s := o.finds(h.clock.Now(), "far")
	for _, text := range []string{
		"@bob/billing-core", "billing-core", "the Billing Core", "billingcore", "scope:bob", "scope:@bob", "maintainer:bob x", "author:bob", `"near-by"`, "x near-by", "near by", "keywords:near-by,y",
		"@bob/never", "@bob", "bob", "gone-by", "@partner/x", "partner things", "a b c d e f g h i j k l m n o p q",
	} {
		require.NotContains(t, h.finding("", "text="+url.QueryEscape(text)), "far", text)
		require.Empty(t, s.told(), text)
	}
	for _, text := range []string{"billing", "react", "@eva/x", "scope:eva", "gone", "is:unstable core"} {
		h.finding("", "text="+url.QueryEscape(text))
		require.Equal(t, []string{text}, s.told())
	}
}

// restrict publishes a package that only some may read.
func (h *house) restrict(name string) {
	doc := publishing(name, "1.0.0", sampleTarball(h.t, name, "1.0.0", 5))
	doc["access"] = "restricted"
	h.sends(h.bob, "PUT", "/"+url.PathEscape(name), doc, 201)
}

// TestSearchFarRules shows of another registry what the rules do: by what it tells, or by what is kept here.
func TestSearchFarRules(t *testing.T) {
	o := newOther(t)
	deny, err := upstream.ParsePattern("bad")
	require.NoError(t, err)
	h := searchingBeyond(t, o, func(u *upstream.Options) {
		u.Rules = upstream.Rules{Cooldown: time.Hour, Deny: []upstream.Pattern{deny}}
	})
	o.finds(h.clock.Now(), "bad", "young", "kept")
	o.publish("kept", h.clock.Now(), farVersion{"2.0.0", 0, []byte("y")}, farVersion{"1.0.0", 2 * time.Hour, []byte("x")})
	require.Equal(t, 200, h.do("GET", "/kept", "", nil).Status)
	var found []any
	require.Eventually(t, func() bool {
		found = h.sends("", "GET", "/-/v1/search?text=anything", nil, 200).JSON()["objects"].([]any)
		return len(found) == 1
	}, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, "1.0.0", at(t, found[0], "package", "version"), "the rules hide the other")
	h.clock.Pass(2 * time.Hour)
	require.Equal(t, []string{"young", "kept"}, h.finding("", "text=anything"))
	require.Empty(t, h.finding("", "text=anything+not:unstable+is:deprecated"))
}

// FuzzParseFar reads what another registry says of a package: whatever it is, npm can read what is answered of it.
func FuzzParseFar(f *testing.F) {
	f.Add([]byte(`{"package":{"name":"x","version":"1.0.0","keywords":["a"],"date":"2024-01-02T03:04:05.000Z","maintainers":[{"username":"eva"}],"author":"Ann <a@b>","links":{"bugs":"http://x"}},"score":{"final":1,"detail":{}},"dependents":"12","downloads":{"weekly":1}}`))
	f.Add([]byte(`{"package":7,"score":[],"dependents":-1,"downloads":{"weekly":1e400,"monthly":"NaN"}}`))
	f.Add([]byte(`[]`))
	r := &Registry{o: Options{}.withDefaults()}
	q := &request{Request: httptest.NewRequest("GET", "/", nil)}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		found := parseFar(upstream.Hit{Name: "x", Raw: raw})
		about := r.object(q, found.Hit)
		about["downloads"] = found.downloads
		text, err := json.Marshal(about)
		require.NoError(t, err)
		var answer struct {
			Package struct {
				Keywords    []string
				Links       map[string]string
				Maintainers []struct{ Username *string }
			}
			Dependents uint64
			Downloads  struct{ Weekly, Monthly int64 }
		}
		require.NoError(t, json.Unmarshal(text, &answer))
		require.NotNil(t, answer.Package.Keywords)
		for _, m := range answer.Package.Maintainers {
			require.NotNil(t, m.Username)
		}
	})
}
