package httpd_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/couch"
	"settee/couch/driver"
	"settee/couch/httpd"
	"settee/views"
)

var couchURL = flag.String("couch", "", "run the conformance table against this server (http://admin:password@host:port) and not our own")

// open starts a server of its own, or names the one of -couch. The address
// holds the admin's credentials.
func open(t testing.TB) *url.URL {
	address := *couchURL
	if address == "" {
		address = own(t)
	}
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u
}

func own(t testing.TB) string { return start(t, httpd.Options{}).address }

// A house is a server of our own with all that stands under it.
type house struct {
	*httpd.Server
	address  string // with the admin's credentials
	base     *url.URL
	store    *couch.Store
	accounts *auth.Auth
}

func start(t testing.TB, o httpd.Options) *house { return startOn(t, couch.Options{}, o) }

// startOn starts a server on a store that is proved when the test ends.
func startOn(t testing.TB, on couch.Options, o httpd.Options) *house {
	return startWith(t, on, auth.Options{}, o)
}

// startWith is startOn with more to say of accounts.
func startWith(t testing.TB, on couch.Options, who auth.Options, o httpd.Options) *house {
	store, err := couch.Open(t.TempDir(), on)
	require.NoError(t, err)
	engine := views.New(store, views.Options{})
	client, err := driver.NewClient(store, engine)
	require.NoError(t, err)
	who.AdminName, who.AdminPassword, who.Iterations, who.Settings = "admin", "secret", 10, store
	a, err := auth.Open(context.Background(), client, who)
	require.NoError(t, err)
	s := httpd.New(store, engine, a, o)
	h := httptest.NewUnstartedServer(s)
	h.Listener = httpd.Listener(h.Listener)
	h.Start()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		h.Close()
		require.NoError(t, a.Close())
		require.NoError(t, engine.Close())
		report, err := store.Check(context.Background(), nil)
		require.NoError(t, err)
		require.Empty(t, report.Problems)
		require.NoError(t, store.Close())
	})
	address := strings.Replace(h.URL, "http://", "http://admin:secret@", 1)
	base, err := url.Parse(address)
	require.NoError(t, err)
	return &house{Server: s, address: address, base: base, store: store, accounts: a}
}

// do sends one request, as the admin unless user names someone ("-": nobody).
func do(t testing.TB, base *url.URL, user, method, path, header, body string) (int, http.Header, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // a bound on hanging: thousands of leaves take long under the race detector
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, base.Scheme+"://"+base.Host+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Accept", "application/json")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for line := range strings.SplitSeq(header, "\n") {
		if k, v, ok := strings.Cut(line, ": "); ok {
			req.Header.Set(k, v)
		}
	}
	switch name, password, _ := strings.Cut(user, ":"); name {
	case "-":
	case "":
		p, _ := base.User.Password()
		req.SetBasicAuth(base.User.Username(), p)
	default:
		req.SetBasicAuth(name, password)
	}
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, res.Header, string(raw)
}

// The revisions of {}, of {} put on it, and of its deletion, as CouchDB computes them.
var revs = strings.NewReplacer("$R1", "1-967a00dff5e02add41819138abb3284d", "$R2", "2-7051cbe5c8faecd085a3fa619e6e6337", "$D2", "2-eec205a9d413992850a6e32678485900")

// pattern is a body in which … stands for anything.
func pattern(want string) string {
	return "(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*?") + `\s*$`
}

type step struct {
	do     string // method and path; /db is the scenario's own database
	send   string // the body
	status int
	want   string // the body, … for anything; "" asks nothing
	header string // "Name: value" lines to send
	got    string // "Name: value" lines to receive
	as     string // "-" nobody, "name:password"
	theirs int    // CouchDB's own status, where ours is another one for a reason that the package doc gives
	soon   bool   // asked again until the answer is so, for a minute at most
}

func problem(word, reason string) string { return `{"error":"` + word + `","reason":"` + reason + `"}` }

var scenarios = map[string][]step{
	"server": {
		{do: "GET /", status: 200, want: `{"couchdb":"Welcome",…"uuid":"…"…}`},
		{do: "GET /_up", as: "-", status: 200, want: `{"status":"ok",…`},
		{do: "GET /_uuids?count=2", status: 200, want: `{"uuids":["…","…"]}`},
		{do: "GET /_uuids?count=1001", status: 400, want: problem("bad_request", "count parameter too large")},
		{do: "GET /_all_dbs", status: 200, want: `[…"…"…]`},
		{do: "GET /_all_dbs", as: "-", status: 401, want: problem("unauthorized", "You are not a server admin.")},
		{do: "GET /_all_dbs", as: "admin:wrong", status: 401, want: problem("unauthorized", "Name or password is incorrect.")},
		{do: "POST /_dbs_info", send: `{"keys":["nosuchdb"]}`, status: 200, want: `[{"key":"nosuchdb","error":"not_found"}]`},
		{do: "GET /_active_tasks", status: 200, want: `[…]`},
		{do: "GET /_membership", status: 200, want: `{"all_nodes":[…],"cluster_nodes":[…]}`},
		{do: "GET /_session", as: "-", status: 200, want: `{"ok":true,"userCtx":{"name":null,"roles":[]},"info":{"authentication_handlers":[…]}}`},
		{do: "GET /_session", status: 200, want: `{"ok":true,"userCtx":{"name":"…","roles":["_admin"]},…"authenticated":"default"}}`},
		{do: "POST /_session", as: "-", send: `{"name":"x","password":"y"}`, status: 401, want: problem("unauthorized", "Name or password is incorrect.")},
		{do: "POST /_session", as: "-", send: `{}`, status: 400},
		{do: "DELETE /_session", as: "-", status: 200, want: `{"ok":true}`},
		{do: "PATCH /_up", status: 405, got: "Allow: GET,HEAD"},
		{do: "GET /nosuchdb", status: 404, want: problem("not_found", "Database does not exist.")},
		{do: "PUT /Bad", status: 400, want: `{"error":"illegal_database_name",…`},
	},
	"database": {
		{do: "GET /db", status: 200, want: `{"instance_start_time":"…","db_name":"…","purge_seq":"…","update_seq":"0-…","sizes":{…},"props":{},"doc_del_count":0,"doc_count":0,…}`},
		{do: "HEAD /db", status: 200},
		{do: "GET /db/", status: 200},
		{do: "PUT /db", status: 412, want: problem("file_exists", "The database could not be created, the file already exists.")},
		{do: "GET /db", as: "-", status: 401, want: problem("unauthorized", "You are not authorized to access this db.")},
		{do: "DELETE /db?rev=1", status: 400},
		{do: "GET /db/_revs_limit", status: 200, want: "1000"},
		{do: "PUT /db/_revs_limit", send: "5", status: 200, want: `{"ok":true}`},
		{do: "PUT /db/_revs_limit", send: `"x"`, status: 400, theirs: 500},
		{do: "GET /db/_security", status: 200, want: `{"members":{"roles":["_admin"]},"admins":{"roles":["_admin"]}}`},
		{do: "PUT /db/_security", send: `{"members":{"names":[],"roles":[]}}`, status: 200, want: `{"ok":true}`},
		{do: "GET /db", as: "-", status: 200},
		{do: "PUT /db/_design/x", as: "-", send: "{}", status: 401},
		{do: "PUT /db/a", as: "-", send: "{}", status: 201},
		{do: "POST /db/_ensure_full_commit", status: 201, want: `{"ok":true,"instance_start_time":"…"}`},
		{do: "POST /db/_compact", status: 202, want: `{"ok":true}`},
		{do: "POST /db/_view_cleanup", status: 202, want: `{"ok":true}`},
		{do: "POST /db/_compact", header: "Content-Type: text/plain", status: 415, want: problem("bad_content_type", "Content-Type must be application/json")},
		{do: "POST /db/_temp_view", status: 410},
	},
	"documents": {
		{do: "PUT /db/a", send: "{}", status: 201, want: `{"ok":true,"id":"a","rev":"$R1"}`, got: `Etag: "$R1"`},
		{do: "PUT /db/a", send: "{}", status: 409, want: problem("conflict", "Document update conflict.")},
		{do: "GET /db/a", status: 200, want: `{"_id":"a","_rev":"$R1"}`, got: `Etag: "$R1"`},
		{do: "GET /db//a/", header: `If-None-Match: W/"$R1"`, status: 304},
		{do: "PUT /db/a?rev=$R1", send: "{}", status: 201, want: `{"ok":true,"id":"a","rev":"$R2"}`},
		{do: "GET /db/a?revs=true", status: 200, want: `{"_id":"a","_rev":"$R2","_revisions":{"start":2,"ids":["7051cbe5c8faecd085a3fa619e6e6337","967a00dff5e02add41819138abb3284d"]}}`},
		{do: "GET /db/a?meta=true", status: 200, want: `{"_id":"a","_rev":"$R2","_revs_info":[{"rev":"$R2","status":"available"},{"rev":"$R1","status":"available"}]}`},
		{do: "GET /db/a?local_seq=true", status: 200, want: `{"_id":"a","_rev":"$R2","_local_seq":…}`},
		{do: `GET /db/a?open_revs=["$R2","9-x"]`, status: 200, want: `[{"ok":{"_id":"a","_rev":"$R2"}},{"missing":"9-x"}]`},
		{do: "GET /db/zz?open_revs=all", status: 404, want: problem("not_found", "missing")},
		{do: "GET /db/a?rev=x", status: 400, want: problem("bad_request", "Invalid rev format")},
		{do: "GET /db/a?rev=%zz", status: 400, want: problem("bad_request", "invalid_url_encoding")},
		{do: "PUT /db/a?rev=$R2", send: `{"_rev":"$R1"}`, status: 400, want: problem("bad_request", "Document rev from request body and query string have different values")},
		{do: "PUT /db/a?rev=$R2", header: "If-Match: $R1", send: "{}", status: 400, want: problem("bad_request", "Document rev and etag have different values")},
		{do: "PUT /db/b", send: "{", status: 400, want: problem("bad_request", "invalid UTF-8 JSON")},
		{do: "PUT /db/b", send: "[]", status: 400, want: problem("bad_request", "Document must be a JSON object")},
		{do: "PUT /db/b", send: `{"_foo":1}`, status: 400, want: problem("doc_validation", "Bad special document member: _foo")},
		{do: "PUT /db/_b", send: `{}`, status: 400, want: problem("illegal_docid", "Only reserved document ids may start with underscore.")},
		{do: "PUT /db/b?new_edits=false", send: `{}`, status: 400},
		{do: "PUT /db/b?new_edits=false", send: `{"_rev":"3-abc"}`, status: 201, want: `{"ok":true,"id":"b","rev":"3-abc"}`},
		{do: "PUT /db/b?new_edits=false", send: `{"_rev":"3-abb"}`, status: 201},
		{do: "GET /db/b?conflicts=true", status: 200, want: `{"_id":"b","_rev":"3-abc","_conflicts":["3-abb"]}`},
		{do: "PUT /db/c?batch=ok", send: "{}", status: 202, want: `{"ok":true,"id":"c"}`},
		{do: "COPY /db/a", header: "Destination: copy", status: 201, want: `{"ok":true,"id":"copy","rev":"$R1"}`},
		{do: "COPY /db/a", status: 400, want: problem("bad_request", "Destination header is mandatory for COPY.")},
		{do: "COPY /db/a", header: "Destination: http://x/y", status: 400, want: problem("bad_request", "Destination URL must be relative.")},
		{do: "DELETE /db/copy", status: 409},
		{do: "DELETE /db/copy?rev=$R1", status: 200, want: `{"ok":true,"id":"copy","rev":"$D2"}`},
		{do: "DELETE /db/copy?rev=$D2", status: 404, want: problem("not_found", "deleted")},
		{do: "GET /db/copy", status: 404, want: problem("not_found", "deleted")},
		{do: "GET /db/none", status: 404, want: problem("not_found", "missing")},
		{do: "DELETE /db/none", status: 404, want: problem("not_found", "missing")},
		{do: "POST /db", send: `{"_id":"p"}`, status: 201, want: `{"ok":true,"id":"p","rev":"$R1"}`},
		{do: "PUT /db/x%2Fy+z", send: "{}", status: 201, want: `{"ok":true,"id":"x/y z","rev":"$R1"}`},
		{do: "PUT /db/_design/d", send: "{}", status: 201},
		{do: "GET /db/_design%2Fd?revs=true", status: 301},
		{do: "PUT /db/_local/l", send: `{"n":1}`, status: 201, want: `{"ok":true,"id":"_local/l","rev":"0-1"}`},
		{do: "GET /db/_local/l", status: 200, want: `{"_id":"_local/l","_rev":"0-1","n":1}`},
		{do: "GET /db/_local", status: 400, want: problem("bad_request", "Invalid _local document id.")},
		{do: "DELETE /db/_local/l", status: 200, want: `{"ok":true,"id":"_local/l","rev":"0-0"}`},
	},
	"lists": {
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"a"},{"_id":"b"},{"_id":"a"}]}`, status: 201, want: `[{"ok":true,"id":"a","rev":"$R1"},{"ok":true,"id":"b","rev":"$R1"},{"id":"a","error":"conflict","reason":"Document update conflict."}]`},
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"c","_rev":"1-x"}],"new_edits":false}`, status: 201, want: `[]`},
		{do: "POST /db/_bulk_docs", send: `{}`, status: 400, want: problem("bad_request", "POST body must include `docs` parameter.")},
		{do: "POST /db/_bulk_docs", send: `{"docs":1}`, status: 400, want: problem("bad_request", "`docs` parameter must be an array.")},
		{do: "POST /db/_bulk_docs", send: `{"docs":[],"new_edits":1}`, status: 400, want: problem("bad_request", "`new_edits` parameter must be a boolean.")},
		{do: "GET /db/_all_docs", status: 200, want: "{\"total_rows\":3,\"offset\":0,\"rows\":[\r\n{\"id\":\"a\",\"key\":\"a\",\"value\":{\"rev\":\"$R1\"}},\r\n…\r\n]}"},
		{do: `GET /db/_all_docs?startkey="b"&limit=1`, status: 200, want: "{\"total_rows\":3,\"offset\":1,\"rows\":[\r\n{\"id\":\"b\",…}\r\n]}"},
		{do: `POST /db/_all_docs`, send: `{"keys":["a","zz"],"include_docs":true}`, status: 200, want: "{\"total_rows\":3,\"offset\":null,\"rows\":[\r\n{\"id\":\"a\",…\"doc\":{\"_id\":\"a\",\"_rev\":\"$R1\"}},\r\n{\"key\":\"zz\",\"error\":\"not_found\"}\r\n]}"},
		{do: `GET /db/_all_docs?limit=a`, status: 400, want: `{"error":"query_parse_error","reason":"Invalid value for integer: \"a\""}`},
		{do: `POST /db/_all_docs/queries`, send: `{"queries":[{"key":"a"},{"limit":0}]}`, status: 200, want: "{\"results\":[\r\n{…\"rows\":[…]},\r\n{…}\r\n]}"},
		{do: "GET /db/_design_docs", status: 200, want: "{\"total_rows\":0,\"offset\":0,\"rows\":[…]}"},
		{do: "GET /db/_local_docs", status: 200, want: "{\"total_rows\":null,\"offset\":null,\"rows\":[…]}"},
		{do: "POST /db/_revs_diff", send: `{"a":["$R1","2-x"],"b":["$R1"]}`, status: 200, want: `{"a":{"missing":["2-x"],"possible_ancestors":["$R1"]}}`},
		{do: "POST /db/_missing_revs", send: `{"a":["2-x"]}`, status: 200, want: `{"missing_revs":{"a":["2-x"]}}`},
		{do: "POST /db/_bulk_get", send: `{"docs":[{"id":"a"},{"id":"zz"},{"id":"a","rev":"9-x"}]}`, status: 200, want: `{"results":[{"id":"a","docs":[{"ok":{"_id":"a","_rev":"$R1"}}]},{"id":"zz","docs":[{"error":{"rev":"undefined","reason":"missing","id":"zz","error":"not_found"}}]},{"id":"a","docs":[{"error":{"rev":"9-x","reason":"missing","id":"a","error":"not_found"}}]}]}`},
		{do: "POST /db/_bulk_get?rev=1", send: `{"docs":[]}`, status: 400, want: `{"error":"bad_request","reason":"\"rev\" query parameter is not acceptable"}`},
		{do: "GET /db/_changes", status: 200, want: "{\"results\":[\n{\"seq\":\"1-…\",\"id\":\"a\",\"changes\":[{\"rev\":\"$R1\"}]},\r\n…\n],\n\"last_seq\":\"3-…\",\"pending\":0}\n"},
		{do: "GET /db/_changes?limit=1", status: 200, want: "{…\"pending\":2}\n"},
		{do: `GET /db/_changes?filter=_doc_ids&doc_ids=["b"]&include_docs=true`, status: 200, want: "{\"results\":[\n{\"seq\":\"…\",\"id\":\"b\",\"changes\":[…],\"doc\":{\"_id\":\"b\",…}}\n],\n…"},
		{do: "GET /db/_changes?feed=continuous&timeout=10&since=2", status: 200, theirs: 400, want: "{\"seq\":\"3-…\n{\"last_seq\":\"3-…\",\"pending\":0}\n"},
		{do: "GET /db/_changes?feed=longpoll&timeout=10&since=now", status: 200, want: "{\"results\":[\n…\n],\n\"last_seq\":\"3-…\",\"pending\":0}\n"},
		{do: "GET /db/_changes?feed=eventsource&timeout=10", status: 200, got: "Content-Type: text/event-stream", want: "data: {…}\nid: \"…"},
		{do: "GET /db/_changes?feed=x", status: 400},
		{do: "GET /db/_changes?since=junk", status: 400, want: problem("bad_request", "Malformed sequence supplied in 'since' parameter.")},
		{do: "GET /db/_changes?filter=_x", status: 400, want: problem("bad_request", "unknown builtin filter name")},
		{do: "PUT /db/_design/d", send: `{"views":{"v":{"map":"function(d){emit(d._id,1)}","reduce":"_sum"}}}`, status: 201},
		{do: "GET /db/_design/d/_view/v?reduce=false&limit=1", status: 200, want: "{\"total_rows\":3,\"offset\":0,\"rows\":[\r\n{\"id\":\"a\",\"key\":\"a\",\"value\":1}\r\n]}"},
		{do: "GET /db/_design/d/_view/v", status: 200, want: "{\"rows\":[\r\n{\"key\":null,\"value\":3}\r\n]}"},
		{do: "GET /db/_design/d/_view/none", status: 404, want: problem("not_found", "missing_named_view")},
		{do: "GET /db/_design/d/_info", status: 200, want: `{"name":"d","view_index":{…}}`},
	},
}

func TestConformance(t *testing.T) { conform(t, scenarios) }

// What the steps after an answer may say of it.
var remembered = map[string]*regexp.Regexp{
	"$LAST": regexp.MustCompile(`"rev":"([^"]+)"`),                       // the revision of a write's answer
	"$SEEN": regexp.MustCompile(`"_rev":"([^"]+)"`),                      // of a document
	"$JOB":  regexp.MustCompile(`"(?:_local_)?id":"([0-9a-f]{32}[^"]*)`), // the id of a replication
}

// conform plays scenarios, each on a database of its own, made with what
// follows a question mark in the scenario's name.
func conform(t *testing.T, scenarios map[string][]step) { conformOn(t, open(t), scenarios) }

func conformOn(t *testing.T, base *url.URL, scenarios map[string][]step) {
	for name, steps := range scenarios {
		t.Run(name, func(t *testing.T) {
			name, how, _ := strings.Cut(name, "?")
			db := "/conformance_" + name
			do(t, base, "", "DELETE", db, "", "")
			// One shard: sequences have one order.
			status, _, body := do(t, base, "", "PUT", db+"?q=1&"+how, "", "")
			require.Equal(t, 201, status, body)
			defer do(t, base, "", "DELETE", db, "", "")
			said := map[string]string{"$HOST": base.Host, "$ADMIN": base.User.String() + "@" + base.Host, "$LAST": "", "$SEEN": "", "$JOB": ""}
			for _, s := range steps {
				until := time.Now()
				if s.soon {
					until = until.Add(time.Minute)
				}
				problem, body := s.play(t, base, db, said)
				for problem != "" && time.Now().Before(until) {
					time.Sleep(50 * time.Millisecond)
					problem, body = s.play(t, base, db, said)
				}
				if problem != "" {
					t.Errorf("%s: %s", s.do, problem)
				}
				if problem != "" && s.soon {
					return // what comes after it would only wait too
				}
				for name, of := range remembered {
					if found := of.FindStringSubmatch(body); found != nil {
						said[name] = found[1]
					}
				}
			}
		})
	}
}

// play does a step once, and says what is wrong with the answer.
func (s *step) play(t *testing.T, base *url.URL, db string, said map[string]string) (problem, body string) {
	fill := func(text string) string {
		for name, value := range said {
			text = strings.ReplaceAll(text, name, value)
		}
		return revs.Replace(text)
	}
	method, path, _ := strings.Cut(fill(s.do), " ")
	if path == "/db" || strings.HasPrefix(path, "/db/") || strings.HasPrefix(path, "/db?") {
		path = db + path[len("/db"):]
	}
	path = strings.ReplaceAll(path, `"`, "%22")
	status, header, body := do(t, base, s.as, method, path, fill(s.header), fill(s.send))
	if s.theirs != 0 && *couchURL != "" {
		if status != s.theirs {
			return fmt.Sprintf("status %d, not CouchDB's %d: %s", status, s.theirs, body), ""
		}
		return "", ""
	}
	if status != s.status {
		return fmt.Sprintf("status %d, not %d: %s", status, s.status, body), ""
	}
	if s.want != "" && !regexp.MustCompile(pattern(fill(s.want))).MatchString(body) {
		problem = fmt.Sprintf("\n got %s\nwant %s", body, fill(s.want))
	}
	for line := range strings.SplitSeq(fill(s.got), "\n") {
		if k, v, ok := strings.Cut(line, ": "); ok && header.Get(k) != v {
			problem += fmt.Sprintf("\n%s is %q, not %q", k, header.Get(k), v)
		}
	}
	return problem, body
}
