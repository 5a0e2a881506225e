package httpd

import (
	"cmp"
	"strings"
)

// effect is when a change of a setting is felt.
type effect string

const (
	atOnce   effect = "at once"
	never    effect = "never: the command line says it"
	readOnly effect = "never: it is told, and not taken"
)

// A known setting is one that settee reads, or that clients ask for. What is
// not here is kept too and has no effect.
type known struct {
	Section, Key string
	Default      string // CouchDB's, shown where nothing was set
	Effect       effect
	What         string
}

// knownSettings are by section and key. Those of [chttpd] and [chttpd_auth] may
// stand in [httpd] and [couch_httpd_auth] too, where older programs write them.
var knownSettings = []known{
	{"admins", "", "", atOnce, "server admins: a password in clear is hashed as it is written"},
	{"attachments", "compressible_types", "text/*, application/javascript, application/json, application/xml", atOnce, "attachments that are kept as gzip"},
	{"attachments", "compression_level", "8", atOnce, "0 keeps them as they come"},
	{"chttpd", "WWW-Authenticate", "", atOnce, "the header of every 401"},
	{"chttpd", "admin_only_all_dbs", "true", atOnce, "_all_dbs and _dbs_info are for server admins"},
	{"chttpd", "authentication_handlers", "", atOnce, "who is asked who signs in, in order: cookie, default (Basic), jwt, proxy; empty: the first two"},
	{"chttpd", "bind_address", "", never, "where the server listens"},
	{"chttpd", "changes_timeout", "60000", atOnce, "milliseconds of a feed without changes, and the most a client may ask for"},
	{"chttpd", "enable_cors", "false", atOnce, "[cors] is followed"},
	{"chttpd", "enable_xframe_options", "false", atOnce, "answers say that no page may frame them"},
	{"chttpd", "max_db_number_for_dbs_info_req", "100", atOnce, "keys of POST /_dbs_info"},
	{"chttpd", "max_http_request_size", "4294967296", atOnce, "bytes of a request's body; JSON is held in memory and bounded to 128 MiB where this is not set"},
	{"chttpd", "max_uri_length", "", atOnce, "bytes of a request's path and query"},
	{"chttpd", "port", "", never, "where the server listens"},
	{"chttpd", "prefer_minimal", "Cache-Control, Content-Length, Content-Range, Content-Type, ETag, Server, Transfer-Encoding, Vary", atOnce, "the headers of an answer to Prefer: return=minimal"},
	{"chttpd", "require_valid_user", "false", atOnce, "nobody is served without credentials"},
	{"chttpd", "require_valid_user_except_for_up", "false", atOnce, "the same, but for /_up"},
	{"chttpd", "server_header_versions", "true", atOnce, "the Server header tells versions"},
	{"chttpd", "x_forwarded_host", "X-Forwarded-Host", atOnce, "the header that has the host of Location"},
	{"chttpd", "x_forwarded_proto", "X-Forwarded-Proto", atOnce, "the header that has its scheme"},
	{"chttpd", "x_forwarded_ssl", "X-Forwarded-Ssl", atOnce, "the header that says on where it is https"},
	{"chttpd_auth", "allow_conflicted_user_docs", "false", atOnce, "an account whose documents conflict may sign in by the winner"},
	{"chttpd_auth", "allow_persistent_cookies", "true", atOnce, "a session's cookie outlives the browser's window"},
	{"chttpd_auth", "authentication_redirect", "/_utils/session.html", atOnce, "where a browser without credentials is sent"},
	{"chttpd_auth", "cookie_domain", "", atOnce, "the cookie's Domain"},
	{"chttpd_auth", "hash_algorithms", "sha256, sha", atOnce, "what signs cookies: the first; the others are taken too"},
	{"chttpd_auth", "iterations", "600000", atOnce, "PBKDF2 rounds of new passwords"},
	{"chttpd_auth", "max_iterations", "10000000", atOnce, "the most of an account that may sign in"},
	{"chttpd_auth", "min_iterations", "1", atOnce, "the least"},
	{"chttpd_auth", "password_regexp", "", atOnce, "what new passwords must match, an Erlang list: [{\".{10,}\", \"At least ten characters.\"}]"},
	{"chttpd_auth", "password_scheme", "pbkdf2", atOnce, "of new passwords: pbkdf2 or simple"},
	{"chttpd_auth", "pbkdf2_prf", "sha256", atOnce, "their hash function: sha, sha224, sha256, sha384 or sha512"},
	{"chttpd_auth", "proxy_use_secret", "false", atOnce, "names that a proxy sends must be signed by the secret"},
	{"chttpd_auth", "public_fields", "", atOnce, "what others see of an account in _users, where they are let in"},
	{"chttpd_auth", "same_site", "", atOnce, "the cookie's SameSite"},
	{"chttpd_auth", "secret", "", atOnce, "signs cookies; made at the first start"},
	{"chttpd_auth", "timeout", "600", atOnce, "seconds of a session"},
	{"chttpd_auth", "upgrade_hash_on_auth", "true", atOnce, "an account that signs in is hashed as new ones are"},
	{"chttpd_auth", "x_auth_roles", "X-Auth-CouchDB-Roles", atOnce, "the header that has the roles of a proxy's user"},
	{"chttpd_auth", "x_auth_token", "X-Auth-CouchDB-Token", atOnce, "the header that has the name's signature"},
	{"chttpd_auth", "x_auth_username", "X-Auth-CouchDB-UserName", atOnce, "the header that has the name"},
	{"chttpd_auth_lockout", "max_lifetime", "300000", atOnce, "milliseconds that failed sign-ins count, from the first"},
	{"chttpd_auth_lockout", "max_objects", "10000", atOnce, "names and addresses that they are counted for"},
	{"chttpd_auth_lockout", "mode", "enforce", atOnce, "at the threshold: enforce, warn or off"},
	{"chttpd_auth_lockout", "threshold", "5", atOnce, "failures of a name from an address"},
	{"cors", "credentials", "false", atOnce, "cookies and passwords may come from other origins"},
	{"cors", "exposed_headers", "", atOnce, "headers that scripts may read; empty: CouchDB's"},
	{"cors", "headers", "", atOnce, "headers that scripts may send; empty: CouchDB's"},
	{"cors", "max_age", "600", atOnce, "seconds a browser may remember the answer"},
	{"cors", "methods", "", atOnce, "methods that scripts may use; empty: all"},
	{"cors", "origins", "", atOnce, "whose scripts may ask, separated by commas; * is all. [cors:HOST] has the same for one host"},
	{"couchdb", "database_dir", "", readOnly, "the folder of the store"},
	{"couchdb", "default_security", "admin_only", atOnce, "of new databases: admin_only, or everyone"},
	{"couchdb", "maintenance_mode", "false", atOnce, "true and nolb make /_up answer 404"},
	{"couchdb", "max_attachment_size", "1073741824", atOnce, "bytes of an attachment"},
	{"couchdb", "max_document_size", "8000000", atOnce, "bytes of a document's JSON"},
	{"couchdb", "users_db_security_editable", "false", atOnce, "the _security of _users may be changed"},
	{"couchdb", "uuid", "", readOnly, "the store's own"},
	{"couchdb", "view_index_dir", "", readOnly, "the folder of the store"},
	{"global_changes", "max_write_delay", "500", atOnce, "milliseconds that the updates of databases are collected, for _db_updates"},
	{"global_changes", "update_db", "true", atOnce, "they are written, while there is a database _global_changes"},
	{"jwt_auth", "allowed_algorithms", "", atOnce, "of HS, RS and ES with 256, 384 and 512; empty: all"},
	{"jwt_auth", "required_claims", "exp", atOnce, `what a JSON Web Token must say: exp, {iss, "name"}, …`},
	{"jwt_auth", "roles_claim_name", "_couchdb.roles", atOnce, "where it names roles"},
	{"jwt_auth", "roles_claim_path", "", atOnce, "where they are deeper, a path with dots"},
	{"jwt_keys", "", "", atOnce, "keys, by hmac:KID, rsa:KID and ec:KID"},
	{"ken", "batch_channels", "1", atOnce, "indexes that are built in the background at once; 0: none. CouchDB's default is 20"},
	{"ken.ignore", "", "", atOnce, "databases whose indexes are not, each with the value true"},
	{"log", "level", "", atOnce, "debug, info, notice, warning, error, critical, alert, emergency, none; empty: what the command line says"},
	{"mango", "default_limit", "25", atOnce, "documents of a _find that names no limit"},
	{"mango", "index_scan_warning_threshold", "10", atOnce, "documents looked at for one that is found, before a _find warns; 0: never"},
	{"purge", "max_document_id_number", "100", atOnce, "documents of one request"},
	{"purge", "max_revisions_number", "1000", atOnce, "their revisions"},
	{"query_server_config", "reduce_limit", "true", atOnce, "reductions must shrink: true, log or false; those made before stay"},
	{"replicator", "checkpoint_interval", "30000", atOnce, "milliseconds between checkpoints, of replications begun from now on"},
	{"replicator", "connection_timeout", "30000", atOnce, "milliseconds that a peer may say nothing"},
	{"replicator", "health_threshold", "120", atOnce, "seconds that a job must have run for its crash to be the first in a row"},
	{"replicator", "http_connections", "20", atOnce, "to each peer at once"},
	{"replicator", "interval", "60000", atOnce, "milliseconds between the turns in which jobs start again and make room for others"},
	{"replicator", "max_churn", "20", atOnce, "jobs that make room for others in a turn"},
	{"replicator", "max_history", "20", atOnce, "events that are told of a job"},
	{"replicator", "max_jobs", "500", atOnce, "that run at once"},
	{"replicator", "retries_per_request", "5", atOnce, "of a request that failed"},
	{"replicator", "startup_jitter", "0", atOnce, "milliseconds that a job waits at most before it starts; CouchDB waits up to 5000"},
	{"replicator", "update_docs", "false", atOnce, "states that are not final are written into documents too"},
	{"replicator", "use_bulk_get", "true", atOnce, "documents are read many at once where the source can"},
	{"replicator", "use_checkpoints", "true", atOnce, "replications go on where they were"},
	{"replicator", "valid_endpoint_protocols", "http,https", atOnce, "of peers"},
	{"replicator", "valid_proxy_protocols", "http,https,socks5", atOnce, "of proxies"},
	{"replicator", "worker_batch_size", "500", atOnce, "changes that are looked at together"},
	{"replicator", "worker_processes", "4", atOnce, "batches in the making at once"},
	{"uuids", "algorithm", "sequential", atOnce, "sequential, random, utc_random, utc_id or uuid_v7"},
	{"uuids", "max_count", "1000", atOnce, "ids of one request"},
	{"uuids", "utc_id_suffix", "", atOnce, "what utc_id ends with"},
	{"vendor", "name", "settee", readOnly, "who made this server"},
	{"x_frame_options", "same_origin", "false", atOnce, "but for pages of this server; hosts are not heeded, as no browser heeds them"},
}

// legacy are the sections that older programs write to.
var legacy = map[string]string{"chttpd": "httpd", "chttpd_auth": "couch_httpd_auth"}

// forbiddenSections could run programs in CouchDB; it takes no writes to them over HTTP.
var forbiddenSections = []string{
	"daemons", "external", "httpd_design_handlers", "httpd_db_handlers", "httpd_global_handlers",
	"native_query_servers", "os_daemons", "query_servers", "feature_flags",
}

// KnownSettings is the table in words, a line a setting: its name, what holds
// where nothing is set, when a change is felt, and what it does.
func KnownSettings() []string {
	var lines []string
	for _, k := range knownSettings {
		lines = append(lines, strings.Join([]string{k.Section + "/" + cmp.Or(k.Key, "*"), k.Default, string(k.Effect), k.What}, "\t"))
	}
	return lines
}
