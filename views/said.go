package views

import (
	"errors"
	"net/http"

	"settee/couch"
	"settee/views/js"
)

// kindless is the status of words that have none.
const kindless = http.StatusInternalServerError

// saidStatus are the words that CouchDB answers with a status of their own when a
// function says them by ["error", word, reason].
var saidStatus = map[string]int{
	"bad_request": http.StatusBadRequest, "query_parse_error": http.StatusBadRequest, "doc_validation": http.StatusBadRequest,
	"illegal_docid": http.StatusBadRequest, "unauthorized": http.StatusUnauthorized, "forbidden": http.StatusForbidden,
	"not_found": http.StatusNotFound, "method_not_allowed": http.StatusMethodNotAllowed, "not_acceptable": http.StatusNotAcceptable,
	"conflict": http.StatusConflict, "gone": http.StatusGone, "missing_stub": http.StatusPreconditionFailed,
	"bad_ctype": http.StatusUnsupportedMediaType, "expectation_failed": http.StatusExpectationFailed,
	"internal_server_error": http.StatusInternalServerError, "service_unavailable": http.StatusServiceUnavailable,
}

// asSaid is a function's failure in CouchDB's words. What it said itself has the
// status that CouchDB gives the word; whatever else it threw is the server's error.
func asSaid(err error) error {
	var thrown *js.Exception
	if !errors.As(err, &thrown) {
		return inWords(err)
	}
	status := kindless
	if thrown.Said && saidStatus[thrown.Name] != 0 {
		status = saidStatus[thrown.Name]
	}
	return &couch.Error{Kind: couch.Kind(thrown.Name), Reason: thrown.Reason, Status: status}
}
