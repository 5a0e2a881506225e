package httpd

import (
	"net/http"
	"strings"

	"settee/auth"
	"settee/auth/audit"
)

type rowName struct{ methods, path string }

// recorded are the rows whose calls the audit log has.
var recorded = map[rowName]audit.Act{
	{"PUT", aNode + "/_config/{section}/{key}"}:    audit.ServerConfig,
	{"DELETE", aNode + "/_config/{section}/{key}"}: audit.ServerConfig,
	{"DELETE", anyDB}:             audit.DatabaseDelete,
	{"PUT", anyDB + "/_security"}: audit.DatabaseSecurity,
	{"POST", anyDB + "/_purge"}:   audit.DatabasePurge,
}

// recordedOfUsers are the rows that write documents of _users.
var recordedOfUsers = map[rowName]bool{
	{"PUT", plainDoc}: true, {"DELETE", plainDoc}: true, {"COPY", plainDoc}: true, {"POST", plainDoc}: true,
	{"PUT", anyDB + "/{doc}"}: true, {"DELETE", anyDB + "/{doc}"}: true, {"COPY", anyDB + "/{doc}"}: true,
	{"POST", anyDB + "/_bulk_docs"}: true, {"POST", anyDB}: true,
}

// toRecord notes what the audit log is to have of a call: before its answer leaves, so that who has
// the answer finds the entry.
func (c *call) toRecord(r *row) {
	if c.reads() || c.s.o.Record == nil {
		return
	}
	name := rowName{r.Methods, r.Path}
	c.act = recorded[name]
	if c.act == "" && c.vars["db"] == usersDB && recordedOfUsers[name] {
		c.act = audit.UserWrite
	}
}

// record appends what was noted. A refusal is of interest where somebody had the power to try.
func (c *call) record(status int) {
	if status == http.StatusNotFound || status == http.StatusConflict || status >= 400 && c.user.Anonymous() {
		return
	}
	e := audit.Entry{Act: c.act, OK: status < 400}
	if !e.OK {
		e.Note = http.StatusText(status)
	}
	switch c.act {
	case audit.ServerConfig:
		section, key, _ := c.configName()
		e.On = section + "/" + key // the value may be a secret
	case audit.UserWrite:
		id, _ := c.docID()
		e.On = strings.TrimPrefix(string(id), userPrefix)
	default:
		e.On, _ = c.segment("db")
	}
	c.s.o.Record(c.r, c.user, e)
}

// recordSession appends a sign-in or its end; failures the accounts record themselves.
func (c *call) recordSession(act audit.Act, who auth.Identity) {
	if c.s.o.Record != nil && !who.Anonymous() {
		c.s.o.Record(c.r, who, audit.Entry{Act: act, OK: true})
	}
}
