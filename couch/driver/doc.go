// Package driver is the engine and its views as a Kivik driver, registered under
// the name "settee". Everything above the engine talks to it as a kivik.DB, and
// to an Apache CouchDB server through Kivik's own driver with the same calls.
//
//	client, err := kivik.New("settee", "./data")   // opens or creates the store there; Close closes it
//	client, err := driver.NewClient(store, views)  // wraps an open store; Close leaves it open
//
// # Options
//
// Options are CouchDB's query parameters, given with kivik.Param and friends as
// Go values or as the text of a query string; struct options lists them. As in
// Kivik's CouchDB driver key, keys, startkey, endkey and doc_ids are Go values
// that are marshalled, or json.RawMessage. Unknown parameters are ignored, as
// CouchDB does.
//
// # Documents
//
// A document that is a json.RawMessage, a []byte, a string or a json.Marshaler
// reaches the engine byte for byte: it is validated once, by the engine, and
// never marshalled again, so member order, number spelling and big integers
// survive. What Get and the row readers return are the bytes the engine rendered.
//
// An option of one's own may ask for that text without a scan by Kivik: see options.Raw.
//
// # Where a reader could differ
//
// The driver answers as Kivik's CouchDB driver does on a server:
//
//   - Get and OpenRevs with attachments=true announce attachments in the body
//     ("follows") and hand out their bytes through the Attachments iterator; rows of
//     AllDocs, Query, Changes and BulkGet carry them inline, in base64.
//   - A key that AllDocs does not find gives a row with its Key, without ID, Value or error.
//   - A deleted document that AllDocs was asked for has the doc null.
//   - BulkDocs with new_edits=false returns rows for failures only.
//   - Writes are the server's own: validation functions see no user.
//
// # Searches
//
// Find takes the body of a _find and Explain gives CouchDB 3.5's plan; both are views.Engine's, as are the
// indexes. The bookmark and the warning tell of what was read so far. A partition is a
// member of the query: kivik.Param("partition", name).
//
// # Feeds
//
// Changes takes every parameter of _changes but heartbeat's beats; the filters
// are views.Filter's, and doc_ids or selector alone is a filter too. A function sees a req with
// the parameters as query and the server itself as userCtx.
//
//   - normal reads one snapshot and ends. longpoll does if it finds a row, else it
//     waits for one. continuous (live) goes on, snapshot after snapshot, and sleeps
//     in between: nothing polls.
//   - Waiting feeds end when the context ends or Close is called, with an error when the
//     database goes or the store closes, and regularly at the limit or when timeout passes
//     without a row. Without a timeout they wait for ever.
//   - A feed that was begun must be closed. Between two calls of Next it holds a snapshot,
//     a minute at most; then what follows is read from a newer one. A descending feed
//     cannot do that and holds its snapshot until it is closed.
//   - LastSeq and Pending tell of the last snapshot read; after an end they say where to go on.
//
// Errors are *couch.Error, of searches and indexes *mango.Error too, unwrapped: kivik.HTTPStatus
// gives CouchDB's status.
package driver
