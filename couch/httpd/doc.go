// Package httpd is CouchDB's HTTP API on the document engine.
//
// # A request's way
//
//	ServeHTTP   request id, headers, body bounds, gzip, the path without empty segments
//	routes      one table: method, path, who may, what body; the router finds the row
//	call        one request's state: who asks, which database, the query
//	handler     reads, asks the engine, answers; or returns an error
//	answer      the one place that turns an error into a status and {"error","reason"}
//
// Path segments keep their escapes until a handler asks for them, so that an id
// may hold %2F; a plus is a space in paths as it is in queries, as in CouchDB.
//
// # Who may
//
//	anyone     nothing is asked; wrong credentials are still refused
//	member     the database's _security lets them read and write documents
//	dbAdmin    design documents, _security, _revs_limit, _compact, _view_cleanup
//	admin      the server admin: databases come and go, and _users
//
// There is no admin party: a new database admits server admins only.
//
// # Bodies
//
// JSON bodies are held in memory, up to Options.MaxBody after decoding;
// attachments stream. The documents of _bulk_docs are cut out of the body as
// raw slices and parsed in parallel, never decoded into maps.
//
// # Streams
//
// Lists, views and feeds are written in chunks from a pooled buffer. Each chunk
// has a deadline, so that a reader who stops reading loses the connection and
// its snapshot. Feeds send their headers at once, wake by the engine's WaitSeq
// and end when the client goes, the database goes or the server closes.
package httpd
