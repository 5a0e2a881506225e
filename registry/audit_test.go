package registry

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/auth/audit"
	"settee/couch"
)

// recorded are the entries of the log, the oldest first, as ACT BY PACKAGE@VERSION, and ! where it failed.
func (h *house) recorded(f audit.Filter) (list []string) {
	for e, err := range audit.Query(context.Background(), h.client.DB(audit.Database), f) {
		require.NoError(h.t, err)
		line := string(e.Act) + " " + e.By
		if e.Package != "" {
			line += " " + e.Package + "@" + e.Version
		}
		if e.On != "" {
			line += " on " + e.On
		}
		if !e.OK {
			line += "!"
		}
		list = append([]string{line}, list...)
	}
	return list
}

func TestAudit(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "p", "1.1.0")
	h.do("PUT", "/p", h.ann, publishing("p", "2.0.0", nil))
	h.do("PUT", "/p", "", publishing("p", "2.0.0", nil))
	h.do("PUT", "/-/package/p/dist-tags/beta", h.bob, []byte(`"1.0.0"`))
	h.do("PUT", "/-/package/p/dist-tags/beta", h.ann, []byte(`"1.1.0"`))
	h.do("DELETE", "/-/package/p/dist-tags/beta", h.bob, nil)
	doc := h.do("GET", "/p?write=true", h.bob, nil).JSON()
	doc["versions"].(dict)["1.0.0"].(dict)["deprecated"] = "old"
	require.Equal(t, 201, h.do("PUT", "/p", h.bob, doc).Status)
	require.Equal(t, 201, h.do("PUT", "/p/-rev/"+h.do("GET", "/p?write=true", h.bob, nil).JSON()["_rev"].(string), h.bob,
		dict{"_id": "p", "maintainers": []any{dict{"name": "bob"}, dict{"name": "ann"}}}).Status)
	require.Equal(t, 200, h.do("DELETE", "/p/-rev/"+h.do("GET", "/p?write=true", h.bob, nil).JSON()["_rev"].(string), h.bob, nil).Status)
	h.do("PUT", "/-/user/org.couchdb.user:bob", "", dict{"name": "bob", "password": "a wrong password"})
	h.do("PUT", "/-/user/org.couchdb.user:bob", "", dict{"name": "bob", "password": "secret-bob"})
	h.do("DELETE", "/-/user/token/"+h.bob, h.bob, nil)

	require.Equal(t, strings.Split(strings.TrimSpace(`
log.start 
signup bob
login bob
signup ann
login ann
login root
package.publish bob p@1.0.0
package.publish bob p@1.1.0
package.publish ann p@!
package.tag bob p@1.0.0
package.tag ann p@1.1.0!
package.tag bob p@
package.deprecate bob p@
package.owner bob p@
package.unpublish bob p@
login.failed  on bob!
login bob
logout bob`), "\n"), h.recorded(audit.Filter{}))
	for e, err := range audit.Query(context.Background(), h.client.DB(audit.Database), audit.Filter{Package: "p"}) {
		require.NoError(t, err)
		require.NotEmpty(t, e.Token)
		require.True(t, strings.HasPrefix(h.bob, strings.TrimSuffix(e.Token, "…")) || strings.HasPrefix(h.ann, strings.TrimSuffix(e.Token, "…")))
		require.Equal(t, "127.0.0.1", e.From)
		require.Equal(t, e.OK, e.Note == "")
	}
}

func TestAuditOverHTTP(t *testing.T) {
	h := open(t)
	for i := range 5 {
		h.publish(h.bob, "p", []string{"1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4"}[i])
	}
	require.Equal(t, 401, h.do("GET", "/-/settee/audit", "", nil).Status)
	require.Equal(t, 403, h.do("GET", "/-/settee/audit", h.bob, nil).Status)
	for _, bad := range []string{"limit=0", "limit=9999", "since=yesterday", "before=x", "before=2026%20p", "until=1"} {
		require.Equal(t, 400, h.do("GET", "/-/settee/audit?"+bad, h.root, nil).Status, bad)
	}
	var versions []any
	for path := "/-/settee/audit?package=p&act=package.publish&limit=2&since=2020-01-01"; path != ""; {
		page := h.do("GET", path, h.root, nil).JSON()
		for _, e := range page["entries"].([]any) {
			require.Equal(t, "bob", e.(dict)["by"])
			require.Equal(t, true, e.(dict)["ok"])
			versions = append(versions, e.(dict)["version"])
		}
		path = ""
		if next, ok := page["next"].(string); ok {
			path = "/-/settee/audit?package=p&act=package.publish&limit=2&before=" + url.QueryEscape(next)
		}
	}
	require.Equal(t, []any{"1.0.4", "1.0.3", "1.0.2", "1.0.1", "1.0.0"}, versions)
	require.Empty(t, h.do("GET", "/-/settee/audit?user=zoe", h.root, nil).JSON()["entries"])
}

// TestAuditOfWhatTheDatabaseRefuses has the database refuse what the registry had allowed, and noted.
func TestAuditOfWhatTheDatabaseRefuses(t *testing.T) {
	h := open(t, func(o *couch.Options, _ *Options) { o.MaxDocumentSize = 100 << 10 })
	h.publish(h.bob, "p", "1.0.0")
	large := publishing("p", "1.1.0", sampleTarball(t, "p", "1.1.0", 100))
	at(t, large, "versions", "1.1.0").(dict)["description"] = strings.Repeat("long ", 20<<10)
	res := h.do("PUT", "/p", h.bob, large)
	require.Equal(t, 413, res.Status, "%s", res.Body)
	require.Equal(t, []string{"package.publish bob p@1.0.0", "package.publish bob p@1.1.0", "package.publish bob p@1.1.0!"}, h.recorded(audit.Filter{Package: "p"}))
}
