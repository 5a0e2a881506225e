package registry

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// whoMayCall is what a route answers to nobody, to a stranger, to its owner's read-only token and to one for another package, and to the owner
// of a restricted package and of an organisation. A route that is added needs its line.
const whoMayCall = `
GET    /:p                                                  404 404 200 404 200
GET    /:p/-/:file                                          404 404 200 404 200
PUT    /:p                                                  401 403 403 403 400
GET    /                                                    200 200 200 200 200
GET    /_changes                                            200 200 200 200 200
POST   /_changes                                            200 200 200 200 200
POST   /_all_docs                                           200 200 200 200 200
GET    /_all_docs                                           200 200 200 200 200
GET    /_session                                            200 200 200 200 200
GET    /-/all                                               200 200 200 200 200
GET    /-/all/since                                         400 400 400 400 400
GET    /-/ping                                              200 200 200 200 200
GET    /-/ping/:rest                                        200 200 200 200 200
GET    /-/settee/audit                                      401 403 403 403 403
POST   /-/settee/gc                                         401 403 403 403 403
GET    /-/settee/package/:p/quality                         404 404 200 404 200
GET    /-/whoami                                            401 200 200 200 200
GET    /-/v1/search                                         400 400 400 400 400
POST   /-/v1/login                                          200 200 200 200 200
GET    /-/v1/login/:poll                                    404 404 404 404 404
GET    /-/v1/challenge/:poll                                404 404 404 404 404
GET    /-/npm/v1/user                                       401 200 200 200 200
POST   /-/npm/v1/user                                       401 200 403 403 200
GET    /-/npm/v1/tokens                                     401 200 403 403 200
POST   /-/npm/v1/tokens                                     401 400 403 403 400
DELETE /-/npm/v1/tokens/token/:token                        401 404 403 403 404
GET    /-/npm/v1/attestations/:p                            404 404 404 404 404
GET    /-/npm/v1/keys                                       200 200 200 200 200
GET    /-/npm/v1/hooks                                      404 404 404 404 404
POST   /-/npm/v1/hooks/hook                                 404 404 404 404 404
GET    /-/npm/v1/hooks/hook/:id                             404 404 404 404 404
PUT    /-/npm/v1/hooks/hook/:id                             404 404 404 404 404
DELETE /-/npm/v1/hooks/hook/:id                             404 404 404 404 404
GET    /-/npm/v1/hooks/hook/:id/deliveries                  404 404 404 404 404
POST   /-/npm/v1/security/advisories/bulk                   200 200 200 200 200
POST   /-/npm/v1/security/audits/quick                      200 200 200 200 200
POST   /-/npm/v1/security/audits                            200 200 200 200 200
DELETE /-/user/token/:token                                 200 200 200 200 200
PUT    /-/user/:user                                        400 400 400 400 400
PUT    /-/user/:user/-rev/:rev                              400 400 400 400 400
PUT    /-/user/v1/star                                      401 404 403 404 200
DELETE /-/user/v1/star                                      401 404 403 404 200
GET    /-/user/v1/star                                      401 200 200 200 200
GET    /-/user/:user/stars                                  200 200 200 200 200
GET    /-/user/:user/package                                401 404 404 404 404
GET    /-/-/package                                         401 200 200 200 200
GET    /-/user/:user                                        404 404 404 404 404
GET    /-/package/:p/dist-tags                              404 404 200 404 200
PUT    /-/package/:p/dist-tags                              401 404 403 404 400
POST   /-/package/:p/dist-tags                              401 404 403 404 201
PUT    /-/package/:p/dist-tags/:tag                         401 404 403 404 201
POST   /-/package/:p/dist-tags/:tag                         401 404 403 404 201
DELETE /-/package/:p/dist-tags/:tag                         401 404 403 404 201
GET    /-/package/:p/visibility                             404 404 200 404 200
GET    /-/package/:p/access                                 404 404 200 404 200
POST   /-/package/:p/access                                 401 404 403 404 200
GET    /-/package/:p/collaborators                          404 404 200 404 200
PUT    /-/package/:p/owners                                 401 404 403 404 400
DELETE /-/package/:p/owners/:user                           401 404 403 404 200
GET    /-/package/:p/trust                                  401 404 403 404 200
POST   /-/package/:p/trust                                  401 404 403 404 400
DELETE /-/package/:p/trust/:id                              401 404 403 404 404
POST   /-/npm/v1/oidc/token/exchange/package/:p             401 404 404 404 404
POST   /-/stage/package/:p                                  401 403 403 403 400
GET    /-/stage                                             401 200 200 200 200
GET    /-/stage/:id                                         401 404 404 404 404
GET    /-/stage/:id/tarball                                 401 404 404 404 404
POST   /-/stage/:id/approve                                 401 404 404 404 404
DELETE /-/stage/:id                                         401 404 404 404 404
GET    /-/org/:org/user                                     401 403 200 403 200
PUT    /-/org/:org/user                                     401 403 403 403 404
DELETE /-/org/:org/user                                     401 403 403 403 404
GET    /-/org/:org/package                                  401 200 200 200 200
GET    /-/org/:org/team                                     401 403 200 403 200
PUT    /-/org/:org/team                                     401 403 403 403 400
DELETE /-/team/:org/:team                                   401 403 403 403 403
GET    /-/team/:org/:team/user                              401 403 200 403 200
PUT    /-/team/:org/:team/user                              401 403 403 403 404
DELETE /-/team/:org/:team/user                              401 403 403 403 404
GET    /-/team/:org/:team/package                           401 403 200 403 200
PUT    /-/team/:org/:team/package                           401 404 403 404 400
DELETE /-/team/:org/:team/package                           401 404 403 404 400
GET    /-/_view/starredByUser                               400 400 400 400 400
POST   /-/:rest                                             404 404 404 404 404
PUT    /:p/-rev/:rev                                        401 403 403 403 400
DELETE /:p/-rev/:rev                                        401 404 403 404 409
DELETE /:p/-/:file/-rev/:rev                                401 200 403 200 409
PUT    /:p/-/:file/-rev/:rev                                400 400 400 400 400
GET    /downloads/point/:period                             404 404 404 404 404
GET    /downloads/point/:period/:p                          404 404 404 404 404
GET    /downloads/range/:period                             404 404 404 404 404
GET    /downloads/range/:period/:p                          404 404 404 404 404
GET    /versions/:p/last-week                               404 404 404 404 404
GET    /npm/public/registry/:p/_attachments/:file           404 404 200 404 200
GET    /npm/public/registry/:letter/:p/_attachments/:file   404 404 200 404 200
GET    /:p/:spec                                            404 404 200 404 200
PUT    /:p/:tag                                             401 404 403 404 201
`

// TestWhoMayCall asks every route of the table for what is restricted.
func TestWhoMayCall(t *testing.T) {
	h := open(t, searching(t))
	doc := publishing("@bob/secret", "1.0.0", sampleTarball(t, "@bob/secret", "1.0.0", 5))
	doc["access"] = "restricted"
	require.Equal(t, 201, h.do("PUT", "/@bob%2fsecret", h.bob, doc).Status)
	h.found()
	require.Eventually(t, func() bool { return h.do("GET", "/-/npm/v1/keys", "", nil).Status == 200 }, 20*time.Second, 5*time.Millisecond)
	require.Equal(t, 201, h.do("PUT", "/-/org/acme/user", h.root, dict{"user": "bob", "role": "owner"}).Status)
	token := func(asked dict) string {
		asked["password"] = "secret-bob"
		return h.sends(h.bob, "POST", "/-/npm/v1/tokens", asked, 201).JSON()["token"].(string)
	}
	callers := []string{
		"", h.ann, token(dict{"readonly": true}), token(dict{"name": "narrow", "packages": []string{"other"}, "packages_and_scopes_permission": "read-write"}), h.bob,
	}
	path := strings.NewReplacer("/:p/-/:file", "/@bob%2fsecret/-/secret-1.0.0.tgz", "/:file", "/secret-1.0.0.tgz", "attestations/:p", "attestations/@bob%2fsecret@1.0.0",
		":period", "last-week", "/-/user/:user", "/-/user/org.couchdb.user:nobody", ":user", "nobody", ":rest", "x", ":p", "@bob%2fsecret", ":spec", "latest", ":tag", "beta", ":id", "0",
		":org", "acme", ":team", "developers", ":token", "x", ":rev", "9-0", ":letter", "s")
	outside := token(dict{"readonly": false, "cidr_whitelist": []string{"203.0.113.0/24"}})
	body := func(r route) any {
		switch {
		case strings.HasSuffix(r.pattern, "/:tag"):
			return []byte(`"1.0.0"`)
		case strings.HasSuffix(r.pattern, "/star") || strings.HasSuffix(r.pattern, ":team/package"):
			return dict{"package": "@bob/secret", "permissions": "read-only"}
		case strings.HasSuffix(r.pattern, "/user") && strings.Contains(r.pattern, ":org"):
			return dict{"user": "nobody"}
		}
		return dict{}
	}
	var is []string
	for _, r := range table {
		method := r.method
		if method == "" {
			method = http.MethodPost
		}
		line := fmt.Sprintf("%-6s %-52s", method, r.pattern)
		for _, c := range callers {
			line += fmt.Sprint(" ", h.do(method, path.Replace(r.pattern), c, body(r)).Status)
		}
		if !strings.HasSuffix(line, "501 501 501 501 501") { // nothing is there
			is = append(is, line)
		}
		if !r.open {
			require.Equal(t, 401, h.do(method, path.Replace(r.pattern), outside, body(r)).Status, "a token from elsewhere than it is for: %s", line)
		}
	}
	require.Equal(t, strings.TrimSpace(whoMayCall), strings.Join(is, "\n"))
}
