package auth

import (
	"context"
	"net/http"
	"time"

	"settee/auth/audit"
)

// recordTime is how long a request waits for its entry in the audit log. A store that
// does not answer for so long has other sorrows; the entry is stored when it comes back.
const recordTime = 5 * time.Second

// Record appends to the audit log who did or tried what: By, Token and From are taken from the
// identity and the request where e does not say them; r may be nil. It is durable when Record
// returns. An entry that cannot be appended is logged, whole: what was done stays done.
func (a *Auth) Record(r *http.Request, who Identity, e audit.Entry) {
	if a.o.Audit == nil {
		return
	}
	ctx := context.Background()
	if r != nil {
		ctx = context.WithoutCancel(r.Context()) // a client that goes away was there
		if from := a.o.ClientAddr(r); from.IsValid() && e.From == "" {
			e.From = from.Unmap().String()
		}
	}
	if e.By == "" {
		e.By = who.Name
	}
	if who.Token != nil && e.Token == "" {
		e.Token = who.Token.Redacted
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	if err := a.o.Audit.Append(ctx, e); err != nil {
		a.o.Logger.Error("an entry of the audit log was not stored", "error", err, "act", e.Act, "by", e.By, "from", e.From, "token", e.Token,
			"package", e.Package, "version", e.Version, "on", e.On, "ok", e.OK, "note", e.Note, "details", e.Details)
	}
}

// recordFailure appends a failed sign-in of a request. A name that no account has is not told: it
// may be a password in the wrong field.
func (a *Auth) recordFailure(r *http.Request, who *account, act audit.Act, why *Error) {
	if r != nil {
		a.Record(r, Identity{}, audit.Entry{Act: act, On: who.name, Note: why.Reason})
	}
}
