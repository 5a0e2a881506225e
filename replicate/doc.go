// Package replicate brings what one database holds to another, between any two kivik.DB: the embedded
// engine, Apache CouchDB, PouchDB-server, settee over HTTP. It speaks CouchDB's replication protocol.
package replicate
