package httpd

import "settee/couch"

// unbuiltError is the answer of an endpoint that CouchDB has and this server has not yet.
func unbuiltError(what string) error {
	return &couch.Error{Kind: couch.NotImplemented, Reason: what + " is not implemented by this server."}
}

func unbuilt(what string) func(*call) error {
	return func(*call) error { return unbuiltError(what) }
}

// unbuiltVerb answers for the path's own name.
func (c *call) unbuiltVerb() error { return unbuiltError(c.vars["verb"]) }
