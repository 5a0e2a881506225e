package httpd

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// access is who may call a row; see the package doc.
type access string

const (
	anyone  access = "anyone"
	member  access = "member"
	dbAdmin access = "db admin"
	admin   access = "server admin"
	// signIn is anyone, whatever credentials they send: they come to change them.
	signIn access = "signing in"
	// lister is the server admin, unless [chttpd] admin_only_all_dbs is false.
	lister access = "server admin, or anyone"
	// signedIn is anyone who is somebody.
	signedIn access = "signed in"
	// keeper is a db admin whom CouchDB refuses with 401, whoever asks.
	keeper access = "db admin, else 401"
	// observer are server admins and those with the role _metrics.
	observer access = "server admin or _metrics"
)

// takes is what a row's body must be.
type takes string

const (
	takesAny  takes = ""
	takesJSON takes = "application/json"
)

// A row of the table. GET answers HEAD too. A path's rows stand together.
type row struct {
	Methods string // separated by commas, in the order that Allow names them
	Path    string
	Who     access
	Body    takes
	handle  func(*call) error
}

// Path segments: a database's name may not begin with an underscore but for the
// system's own; a document that does not is the hot case and the first to be tried.
const (
	aNode     = "/_node/{node}"
	anyDB     = "/{db}"
	plainDB   = "/{db:[^_/][^/]*|_users|_replicator|_global_changes}"
	plainDoc  = plainDB + "/{doc:[^_/][^/]*}"
	oneDesign = anyDB + "/_design/{ddoc}"

	onePartition = anyDB + "/_partition/{partition}"
)

// table is every endpoint, in the order that the router tries them.
var table = []row{
	{"GET,HEAD", plainDoc, member, takesAny, (*call).document},
	{"PUT", plainDoc, member, takesAny, (*call).putDocument},
	{"DELETE", plainDoc, member, takesAny, (*call).deleteDocument},
	{"COPY", plainDoc, member, takesAny, (*call).copyDocument},
	{"POST", plainDoc, member, takesAny, (*call).uploadForm},

	{"GET,HEAD", "/", anyone, takesAny, (*call).welcome},
	{"GET,HEAD", "/_up", anyone, takesAny, (*call).up},
	{"GET", "/_uuids", anyone, takesAny, (*call).uuids},
	{"GET,HEAD", "/_session", anyone, takesAny, (*call).session},
	{"POST", "/_session", signIn, takesAny, (*call).logIn},
	{"DELETE", "/_session", signIn, takesAny, (*call).logOut},
	{"GET,HEAD", "/_all_dbs", lister, takesAny, (*call).allDBs},
	{"GET,HEAD", "/_dbs_info", lister, takesAny, (*call).dbsInfo},
	{"POST", "/_dbs_info", lister, takesJSON, (*call).dbsInfoOf},
	{"GET,HEAD", "/_active_tasks", admin, takesAny, (*call).activeTasks},
	{"GET", "/_membership", admin, takesAny, (*call).membership},
	{"POST", "/_replicate", signedIn, takesJSON, (*call).replicate},
	{"GET", "/_db_updates", admin, takesAny, (*call).dbUpdates},
	{"GET", "/_cluster_setup", admin, takesAny, (*call).clusterState},
	{"POST", "/_cluster_setup", admin, takesAny, (*call).setUpCluster},
	{"GET,HEAD", "/_scheduler", admin, takesAny, (*call).noSchedulerPath},
	{"GET,HEAD", "/_scheduler/jobs", admin, takesAny, (*call).schedulerJobs},
	{"GET,HEAD", "/_scheduler/jobs/{job}", admin, takesAny, (*call).schedulerJob},
	{"GET,HEAD", "/_scheduler/docs", admin, takesAny, (*call).schedulerDocs},
	{"GET,HEAD", "/_scheduler/docs/{rest:.+}", admin, takesAny, (*call).schedulerDocs},
	{"GET,HEAD,POST,PUT,DELETE", "/_node", admin, takesAny, (*call).noNodePath},
	{"GET,HEAD,POST,PUT,DELETE", aNode, admin, takesAny, ofNode((*call).nodeItself)},
	{"GET", aNode + "/_config", admin, takesAny, ofNode((*call).config)},
	{"POST", aNode + "/_config/_reload", admin, takesAny, ofNode((*call).reloadConfig)},
	{"GET", aNode + "/_config/{section}", admin, takesAny, ofNode((*call).configSection)},
	{"GET", aNode + "/_config/{section}/{key}", admin, takesAny, ofNode((*call).configValue)},
	{"PUT", aNode + "/_config/{section}/{key}", admin, takesAny, ofNode((*call).setConfig)},
	{"DELETE", aNode + "/_config/{section}/{key}", admin, takesAny, ofNode((*call).deleteConfig)},
	{"GET", aNode + "/_stats", observer, takesAny, ofNode((*call).stats)},
	{"GET", aNode + "/_stats/{rest:.+}", observer, takesAny, ofNode((*call).stats)},
	{"GET", aNode + "/_prometheus", observer, takesAny, ofNode((*call).prometheus)},
	{"GET", aNode + "/_system", observer, takesAny, ofNode((*call).systemFigures)},
	{"GET", aNode + "/_versions", admin, takesAny, ofNode((*call).versions)},
	{"GET", aNode + "/_smoosh/status", admin, takesAny, ofNode((*call).smoosh)},
	{"POST", aNode + "/_restart", admin, takesAny, ofNode((*call).restart)},
	{"GET,HEAD,POST,PUT,DELETE", aNode + "/{rest:.+}", admin, takesAny, ofNode((*call).missing)},
	{"GET,HEAD", "/_reshard", admin, takesAny, (*call).reshard},
	{"GET,HEAD", "/_reshard/state", admin, takesAny, (*call).reshardState},
	{"PUT", "/_reshard/state", admin, takesJSON, (*call).setReshardState},
	{"GET,HEAD", "/_reshard/jobs", admin, takesAny, (*call).reshardJobs},
	{"POST", "/_reshard/jobs", admin, takesJSON, (*call).newReshardJob},
	{"GET,HEAD,POST", "/_search_analyze", admin, takesAny, (*call).noSearch},
	{"POST", "/_nouveau_analyze", admin, takesJSON, (*call).missing},
	{"POST", "/_reload_query_servers", admin, takesJSON, (*call).reloadQueryServers},
	{"GET,HEAD,POST,PUT,DELETE", "/_settee/{own}", admin, takesAny, (*call).own},
	{"GET,HEAD,POST,PUT,DELETE", "/_settee/{own}/{rest:.+}", admin, takesAny, (*call).own},
	{"GET,HEAD", "/_utils", anyone, takesAny, (*call).utils},
	{"GET,HEAD", "/_utils/{rest:.+}", anyone, takesAny, (*call).utils},
	{"GET,HEAD", "/favicon.ico", anyone, takesAny, (*call).favicon},
	{"GET,HEAD", "/_scheduler/{rest:.+}", admin, takesAny, (*call).noSchedulerPath},
	{"GET,HEAD,POST,PUT,DELETE", "/_reshard/{rest:.+}", admin, takesAny, (*call).missing},

	{"POST", anyDB + "/_bulk_docs", member, takesJSON, (*call).bulkDocs},
	{"GET,HEAD", anyDB + "/_changes", member, takesAny, (*call).changes},
	{"POST", anyDB + "/_changes", member, takesAny, (*call).changes},
	{"POST", anyDB + "/_revs_diff", member, takesJSON, (*call).revsDiff},
	{"POST", anyDB + "/_bulk_get", member, takesJSON, (*call).bulkGet},
	{"GET,HEAD", anyDB + "/_local/{local}", member, takesAny, (*call).localDocument},
	{"PUT", anyDB + "/_local/{local}", member, takesAny, (*call).putLocal},
	{"DELETE", anyDB + "/_local/{local}", member, takesAny, (*call).deleteLocal},
	{"COPY", anyDB + "/_local/{local}", member, takesAny, (*call).copyLocal},
	{"GET,HEAD", anyDB + "/_all_docs", member, takesAny, (*call).allDocs},
	{"POST", anyDB + "/_all_docs", member, takesJSON, (*call).allDocs},
	{"POST", anyDB + "/_all_docs/queries", member, takesJSON, (*call).allDocsQueries},
	{"GET,HEAD", oneDesign + "/_view/{view}", member, takesAny, (*call).view},
	{"POST", oneDesign + "/_view/{view}", member, takesJSON, (*call).view},
	{"POST", oneDesign + "/_view/{view}/queries", member, takesJSON, (*call).viewQueries},

	{"GET,HEAD", anyDB, member, takesAny, (*call).database},
	{"PUT", anyDB, admin, takesAny, (*call).createDatabase},
	{"DELETE", anyDB, admin, takesAny, (*call).deleteDatabase},
	{"POST", anyDB, member, takesJSON, (*call).postDocument},

	{"GET,HEAD", anyDB + "/_design_docs", member, takesAny, (*call).designDocs},
	{"POST", anyDB + "/_design_docs", member, takesJSON, (*call).designDocs},
	{"POST", anyDB + "/_design_docs/queries", member, takesJSON, (*call).designDocsQueries},
	{"GET,HEAD", anyDB + "/_local_docs", member, takesAny, (*call).localDocs},
	{"POST", anyDB + "/_local_docs", member, takesJSON, (*call).localDocs},
	{"POST", anyDB + "/_local_docs/queries", member, takesJSON, (*call).localDocsQueries},
	{"POST", anyDB + "/_missing_revs", member, takesJSON, (*call).missingRevs},
	{"POST", anyDB + "/_ensure_full_commit", member, takesJSON, (*call).ensureFullCommit},
	{"POST", anyDB + "/_compact", keeper, takesJSON, (*call).compact},
	{"POST", anyDB + "/_compact/{ddoc}", keeper, takesJSON, (*call).compactViews},
	{"POST", anyDB + "/_view_cleanup", keeper, takesJSON, (*call).viewCleanup},
	{"GET,HEAD", anyDB + "/_revs_limit", member, takesAny, (*call).revsLimit},
	{"PUT", anyDB + "/_revs_limit", dbAdmin, takesAny, (*call).setRevsLimit},
	{"GET,HEAD", anyDB + "/_security", member, takesAny, (*call).security},
	{"PUT", anyDB + "/_security", dbAdmin, takesAny, (*call).setSecurity},
	{"GET,HEAD,POST", anyDB + "/_temp_view", member, takesAny, (*call).tempView},
	{"POST", anyDB + "/_find", member, takesJSON, (*call).search},
	{"POST", anyDB + "/_find/{rest:.+}", member, takesJSON, (*call).search},
	{"POST", anyDB + "/_explain", member, takesJSON, (*call).explainFind},
	{"POST", anyDB + "/_explain/{rest:.+}", member, takesJSON, (*call).explainFind},
	{"GET", anyDB + "/_index", member, takesAny, (*call).indexes},
	{"POST", anyDB + "/_index", member, takesJSON, (*call).createIndex},
	{"POST", anyDB + "/_index/_bulk_delete", member, takesJSON, (*call).deleteIndexes},
	{"DELETE", anyDB + "/_index/_design/{ddoc}/{type}/{name}", member, takesAny, (*call).deleteIndex},
	{"DELETE", anyDB + "/_index/{ddoc}/{type}/{name}", member, takesAny, (*call).deleteIndex},
	{"POST", anyDB + "/_purge", admin, takesJSON, (*call).purge},
	{"GET", anyDB + "/_purged_infos", member, takesAny, (*call).purgedInfos},
	{"GET", anyDB + "/_purged_infos_limit", admin, takesAny, (*call).purgedInfosLimit},
	{"PUT", anyDB + "/_purged_infos_limit", admin, takesAny, (*call).setPurgedInfosLimit},
	{"GET", anyDB + "/_shards", member, takesAny, (*call).shards},
	{"GET", anyDB + "/_shards/{doc:.+}", member, takesAny, (*call).shardOf},
	{"POST", anyDB + "/_sync_shards", admin, takesJSON, (*call).syncShards},
	{"GET,POST", anyDB + "/_partition", member, takesAny, (*call).noPartition},
	{"GET", onePartition, member, takesAny, (*call).partitionInfo},
	{"GET,HEAD", onePartition + "/_all_docs", member, takesAny, (*call).allDocs},
	{"POST", onePartition + "/_all_docs", member, takesJSON, (*call).allDocs},
	{"POST", onePartition + "/_all_docs/queries", member, takesJSON, (*call).allDocsQueries},
	{"GET,HEAD", onePartition + "/_design/{ddoc}/_view/{view}", member, takesAny, (*call).view},
	{"POST", onePartition + "/_design/{ddoc}/_view/{view}", member, takesJSON, (*call).view},
	{"POST", onePartition + "/_design/{ddoc}/_view/{view}/queries", member, takesJSON, (*call).viewQueries},
	{"GET", onePartition + "/_design/{ddoc}/_info", member, takesAny, (*call).partitionViewInfo},
	{"POST", onePartition + "/_find", member, takesJSON, (*call).search},
	{"POST", onePartition + "/_explain", member, takesJSON, (*call).explainFind},
	{"GET,HEAD,POST,PUT,DELETE", onePartition + "/{rest:.+}", member, takesAny, (*call).missing},
	{"POST", anyDB + "/_search_cleanup", member, takesJSON, (*call).cleaned},
	{"POST", anyDB + "/_nouveau_cleanup", member, takesJSON, (*call).cleaned},
	{"GET,HEAD,POST,PUT,DELETE", anyDB + "/_index/{rest:.+}", member, takesAny, (*call).missing},

	{"GET,HEAD,POST,PUT,DELETE,COPY", anyDB + "/_local", member, takesAny, (*call).noLocalID},
	{"GET,HEAD,PUT,DELETE", anyDB + "/_local/{local}/{att:.+}", member, takesAny, (*call).noLocalAttachments},

	{"GET", oneDesign + "/_info", member, takesAny, (*call).viewInfo},
	{"GET,HEAD,POST,PUT,DELETE,COPY", oneDesign + "/_show", member, takesAny, wrongPath("show_error")},
	{"GET,HEAD,POST,PUT,DELETE,COPY", oneDesign + "/_show/{function}", member, takesAny, (*call).show},
	{"GET,HEAD,POST,PUT,DELETE,COPY", oneDesign + "/_show/{function}/{rest:.+}", member, takesAny, (*call).show},
	{"GET,HEAD", oneDesign + "/_list/{function}/{view}", member, takesAny, (*call).listFunction},
	{"POST", oneDesign + "/_list/{function}/{view}", member, takesJSON, (*call).listFunction},
	{"GET,HEAD", oneDesign + "/_list/{function}/{other}/{view}", member, takesAny, (*call).listFunction},
	{"POST", oneDesign + "/_list/{function}/{other}/{view}", member, takesJSON, (*call).listFunction},
	{"GET,HEAD,POST", oneDesign + "/_list", member, takesAny, wrongPath("list_error")},
	{"GET,HEAD,POST", oneDesign + "/_list/{function}", member, takesAny, wrongPath("list_error")},
	{"GET,HEAD,POST", oneDesign + "/_list/{function}/{other}/{view}/{rest:.+}", member, takesAny, wrongPath("list_error")},
	{"GET,HEAD,POST,PUT,DELETE,COPY", oneDesign + "/_update", member, takesAny, wrongPath("update_error")},
	{"GET,HEAD,POST,PUT,DELETE,COPY", oneDesign + "/_update/{function}", member, takesAny, (*call).update},
	{"GET,HEAD,POST,PUT,DELETE,COPY", oneDesign + "/_update/{function}/{rest:.+}", member, takesAny, (*call).update},
	{"GET,HEAD,POST,PUT,DELETE,COPY", oneDesign + "/_rewrite", member, takesAny, (*call).rewrite},
	{"GET,HEAD,POST,PUT,DELETE,COPY", oneDesign + "/_rewrite/{rest:.+}", member, takesAny, (*call).rewrite},
	{"GET,POST", oneDesign + "/_search", member, takesAny, (*call).noSearchPath},
	{"GET,POST", oneDesign + "/_search/{index}", member, takesAny, (*call).noSearchIndex},
	{"GET,POST", oneDesign + "/_search_info", member, takesAny, (*call).noSearchPath},
	{"GET", oneDesign + "/_search_info/{index}", member, takesAny, (*call).noSearchIndex},
	{"GET,POST", oneDesign + "/_search_disk_size", member, takesAny, (*call).noSearchPath},
	{"GET", oneDesign + "/_search_disk_size/{index}", member, takesAny, (*call).noSearchIndex},
	{"GET,POST", oneDesign + "/_nouveau", member, takesAny, (*call).missing},
	{"GET,POST", oneDesign + "/_nouveau/{index}", member, takesAny, (*call).missing},
	{"GET,POST", oneDesign + "/_nouveau_info", member, takesAny, (*call).missing},
	{"GET,POST", oneDesign + "/_nouveau_info/{index}", member, takesAny, (*call).missing},
	{"GET,HEAD", oneDesign, member, takesAny, (*call).document},
	{"PUT", oneDesign, member, takesAny, (*call).putDocument},
	{"DELETE", oneDesign, member, takesAny, (*call).deleteDocument},
	{"COPY", oneDesign, member, takesAny, (*call).copyDocument},
	{"POST", oneDesign, member, takesAny, (*call).uploadForm},
	{"GET,HEAD", oneDesign + "/{att:.+}", member, takesAny, (*call).attachment},
	{"PUT", oneDesign + "/{att:.+}", member, takesAny, (*call).putAttachment},
	{"DELETE", oneDesign + "/{att:.+}", member, takesAny, (*call).deleteAttachment},

	{"GET,HEAD", anyDB + "/{doc}", member, takesAny, (*call).document},
	{"PUT", anyDB + "/{doc}", member, takesAny, (*call).putDocument},
	{"DELETE", anyDB + "/{doc}", member, takesAny, (*call).deleteDocument},
	{"COPY", anyDB + "/{doc}", member, takesAny, (*call).copyDocument},
	{"POST", anyDB + "/{doc}", member, takesAny, (*call).uploadForm},
	{"GET,HEAD", anyDB + "/{doc}/{att:.+}", member, takesAny, (*call).attachment},
	{"PUT", anyDB + "/{doc}/{att:.+}", member, takesAny, (*call).putAttachment},
	{"DELETE", anyDB + "/{doc}/{att:.+}", member, takesAny, (*call).deleteAttachment},
}

// Routes is the table in words, a line an endpoint.
func Routes() []string {
	var lines []string
	for _, r := range table {
		lines = append(lines, strings.TrimRight(strings.Join([]string{r.Methods, r.Path, string(r.Who), string(r.Body)}, "\t"), "\t"))
	}
	return lines
}

// An endpoint is one path: a row for each of its methods.
type endpoint struct {
	rows  map[string]place
	allow string // the Allow header
}

// A place is a row and where it stands in the table.
type place struct {
	*row
	at int
}

// ServeHTTP is never called: the server asks the router for the endpoint and calls it itself.
func (*endpoint) ServeHTTP(http.ResponseWriter, *http.Request) { panic("httpd: not reached") }

// copyLast orders methods as CouchDB's Allow headers do: COPY stands last.
func copyLast(a, b string) int {
	if (a == "COPY") != (b == "COPY") {
		return strings.Compare(b, a)
	}
	return strings.Compare(a, b)
}

// allowed are the Allow headers that CouchDB words in another order than most, or
// with other methods than it takes.
var allowed = map[string]string{
	"/_session":                        "GET,HEAD,POST,DELETE",
	aNode + "/_config/{section}/{key}": "GET,PUT,DELETE",
	anyDB:                              "DELETE,GET,HEAD,POST",
	anyDB + "/_changes":                "GET,POST,HEAD",
	anyDB + "/_revs_limit":             "PUT,GET",
	anyDB + "/_security":               "PUT,GET",
	oneDesign + "/_view/{view}":        "GET,POST,HEAD",

	oneDesign + "/_list":                                     "GET,POST,HEAD",
	oneDesign + "/_list/{function}":                          "GET,POST,HEAD",
	oneDesign + "/_list/{function}/{view}":                   "GET,POST,HEAD",
	oneDesign + "/_list/{function}/{other}/{view}":           "GET,POST,HEAD",
	oneDesign + "/_list/{function}/{other}/{view}/{rest:.+}": "GET,POST,HEAD",
}

// newRouter makes one mux route of each path. The router knows paths only: 405
// and Allow are the endpoint's own.
func newRouter() *mux.Router {
	router := mux.NewRouter().UseEncodedPath().SkipClean(true)
	for i := 0; i < len(table); {
		path := table[i].Path
		e := &endpoint{rows: map[string]place{}}
		var methods []string
		for ; i < len(table) && table[i].Path == path; i++ {
			for _, m := range strings.Split(table[i].Methods, ",") {
				e.rows[m] = place{&table[i], i}
				methods = append(methods, m)
			}
		}
		if _, has := e.rows[http.MethodHead]; !has {
			e.rows[http.MethodHead] = e.rows[http.MethodGet] // some of CouchDB's endpoints take it and do not say so
		}
		slices.SortFunc(methods, copyLast)
		if e.allow = allowed[path]; e.allow == "" {
			e.allow = strings.Join(methods, ",")
		}
		router.Handle(path, e)
	}
	return router
}
