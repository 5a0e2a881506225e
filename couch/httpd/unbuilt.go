package httpd

import "settee/couch"

// unbuiltError is the answer of an endpoint that CouchDB has and this server has not yet.
func unbuiltError(what string) error {
	return &couch.Error{Kind: couch.NotImplemented, Reason: what + " is not implemented by this server."}
}

// unbuiltVerb answers for the path's own name.
func (c *call) unbuiltVerb() error { return unbuiltError(c.vars["verb"]) }
