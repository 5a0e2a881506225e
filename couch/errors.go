package couch

import "net/http"

// Kind is the closed list of what can go wrong; its text is the word that
// CouchDB sends as "error".
type Kind string

// The kinds, each with the HTTP status in kindStatus.
const (
	NotFound          Kind = "not_found"
	Conflict          Kind = "conflict"
	FileExists        Kind = "file_exists"
	BadRequest        Kind = "bad_request"
	DocValidation     Kind = "doc_validation"
	IllegalDocID      Kind = "illegal_docid"
	IllegalPartition  Kind = "illegal_partition"
	IllegalDBName     Kind = "illegal_database_name"
	DBNameTooLong     Kind = "database_name_too_long"
	MissingStub       Kind = "missing_stub"
	DocumentTooLarge  Kind = "document_too_large"
	AttachmentTooBig  Kind = "attachment_too_large"
	RequestTooLarge   Kind = "too_large"
	DigestMismatch    Kind = "content_md5_mismatch"
	Forbidden         Kind = "forbidden"
	Unauthorized      Kind = "unauthorized"
	InvalidDesignDoc  Kind = "invalid_design_doc"
	Compilation       Kind = "compilation_error"
	UnknownLanguage   Kind = "unknown_query_language"
	QueryParse        Kind = "query_parse_error"
	InvalidValue      Kind = "invalid_value"
	BadContentType    Kind = "bad_content_type"
	RangeNotSatisfied Kind = "requested_range_not_satisfiable"
	NotImplemented    Kind = "not_implemented"
	SlowRequest       Kind = "request_timeout"
	Timeout           Kind = "timeout"
	Full              Kind = "insufficient_storage"
	Unavailable       Kind = "unavailable" // the store is closing, or its disk failed
	Internal          Kind = "unknown_error"
)

var kindStatus = map[Kind]int{
	NotFound: http.StatusNotFound, Conflict: http.StatusConflict, FileExists: http.StatusPreconditionFailed,
	BadRequest: http.StatusBadRequest, DocValidation: http.StatusBadRequest, IllegalDocID: http.StatusBadRequest, IllegalPartition: http.StatusBadRequest,
	IllegalDBName: http.StatusBadRequest, DBNameTooLong: http.StatusBadRequest, MissingStub: http.StatusPreconditionFailed,
	DocumentTooLarge: http.StatusRequestEntityTooLarge, AttachmentTooBig: http.StatusRequestEntityTooLarge,
	RequestTooLarge: http.StatusRequestEntityTooLarge, DigestMismatch: http.StatusBadRequest, Forbidden: http.StatusForbidden, Unauthorized: http.StatusUnauthorized,
	InvalidDesignDoc: http.StatusBadRequest, Compilation: http.StatusBadRequest, UnknownLanguage: http.StatusInternalServerError,
	QueryParse: http.StatusBadRequest, InvalidValue: http.StatusInternalServerError, BadContentType: http.StatusUnsupportedMediaType,
	RangeNotSatisfied: http.StatusRequestedRangeNotSatisfiable, NotImplemented: http.StatusNotImplemented,
	SlowRequest: http.StatusRequestTimeout, Timeout: http.StatusInternalServerError, Full: http.StatusInsufficientStorage, Unavailable: http.StatusServiceUnavailable, Internal: http.StatusInternalServerError,
}

// Error is what every operation of the store returns. Reason is CouchDB's
// "reason", meant for people.
type Error struct {
	Kind   Kind
	Reason string
	Err    error // the cause, where there is one
	Status int   // of the answer where it is not the kind's: functions of design documents choose their words
}

func (e *Error) Error() string {
	if e.Err != nil {
		return string(e.Kind) + ": " + e.Reason + ": " + e.Err.Error()
	}
	return string(e.Kind) + ": " + e.Reason
}

func (e *Error) Unwrap() error { return e.Err }

// HTTPStatus is the status CouchDB answers with; Kivik reads it too.
func (e *Error) HTTPStatus() int {
	if e.Status != 0 {
		return e.Status
	}
	if s, ok := kindStatus[e.Kind]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Is makes errors.Is compare kinds and, where the target gives one, reasons.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && (t.Reason == "" || t.Reason == e.Reason)
}

// The errors that callers ask for by name; compare with errors.Is.
var (
	ErrNoDatabase     = &Error{Kind: NotFound, Reason: "Database does not exist."}
	ErrDatabaseExists = &Error{Kind: FileExists, Reason: "The database could not be created, the file already exists."}
	ErrMissing        = &Error{Kind: NotFound, Reason: "missing"}
	ErrDeleted        = &Error{Kind: NotFound, Reason: "deleted"}
	ErrNoAttachment   = &Error{Kind: NotFound, Reason: "Document is missing attachment"}
	ErrConflict       = &Error{Kind: Conflict, Reason: "Document update conflict."}
	ErrClosed         = &Error{Kind: Unavailable, Reason: "The store is closed."}
)
