package audit

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Entry is one act. Its zero members were not said.
type Entry struct {
	ID      string            `json:"id"` // where it is, CHAIN:NUMBER; Append gives it
	At      time.Time         `json:"at"` // default now
	Act     Act               `json:"act"`
	By      string            `json:"by,omitempty"`    // the account that did it; "" for nobody
	Token   string            `json:"token,omitempty"` // the first characters of the token it was done with
	From    string            `json:"from,omitempty"`  // the client's address
	Package string            `json:"package,omitempty"`
	Version string            `json:"version,omitempty"`
	On      string            `json:"on,omitempty"`   // the user, org, team, database or setting that it was done to
	OK      bool              `json:"ok"`             // whether it was done; false: it was refused or failed
	Note    string            `json:"note,omitempty"` // why not, in the words of the answer
	Details map[string]string `json:"details,omitempty"`

	heads map[string]head
	key   string // its time as the index has it
}

// timeForm is how times stand in documents: as npm writes them.
const timeForm = "2006-01-02T15:04:05.000Z"

const (
	mostText    = 1 << 10 // bytes of a text: addresses, names and refusals are shorter
	mostDetails = 32
)

// head is an entry's number in its chain, and its hash.
type head struct {
	number int64
	hash   string
}

// String is the form in documents.
func (h head) String() string { return fmt.Sprintf("%010d %s", h.number, h.hash) }

// whole reports whether there is a hash.
func (h head) whole() bool { return headForm.MatchString(h.String()) }

var headForm = regexp.MustCompile(`^([0-9]{10}) ([0-9a-f]{64})$`)

func parseHead(s string) (head, bool) {
	m := headForm.FindStringSubmatch(s)
	if m == nil {
		return head{}, false
	}
	n, _ := strconv.ParseInt(m[1], 10, 64)
	return head{n, m[2]}, true
}

var idForm = regexp.MustCompile(`^([a-z][a-z0-9-]{0,30}-[a-z2-7]{13}):([0-9]{10})$`)

// parseID reads CHAIN:NUMBER.
func parseID(id string) (chain string, number int64, ok bool) {
	m := idForm.FindStringSubmatch(id)
	if m == nil {
		return "", 0, false
	}
	number, _ = strconv.ParseInt(m[2], 10, 64)
	return m[1], number, number > 0
}

func entryID(chain string, number int64) string { return fmt.Sprintf("%s:%010d", chain, number) }

// clean makes a text fit for the log.
func clean(s string) string {
	if len(s) <= mostText && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
		return s // nearly all are
	}
	if len(s) > mostText {
		s = s[:mostText]
	}
	return strings.Map(func(c rune) rune {
		if c == unicode.ReplacementChar || !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, s)
}

// document is the entry as a document that has no hash yet.
func (e Entry) document(id, previous string) object {
	o := object{"_id": id, "type": "entry", "act": string(e.Act), "at": e.At.UTC().Format(timeForm), "ok": e.OK, "previous": previous}
	for _, m := range [...]struct{ name, text string }{
		{"by", e.By}, {"token", e.Token}, {"from", e.From}, {"package", e.Package}, {"version", e.Version}, {"on", e.On}, {"note", e.Note},
	} {
		if m.text != "" {
			o[m.name] = clean(m.text)
		}
	}
	if details := e.details(); len(details) > 0 {
		o["details"] = details
	}
	if len(e.heads) > 0 {
		heads := object{}
		for chain, h := range e.heads {
			heads[chain] = h.String()
		}
		o["heads"] = heads
	}
	return o
}

func (e Entry) details() object {
	o := object{}
	for name, text := range e.Details {
		if len(o) < mostDetails && text != "" {
			o[clean(name)] = clean(text)
		}
	}
	return o
}

// entryOf reads a document; one that is no entry gives what it can.
func entryOf(id string, o object) Entry {
	text := func(name string) string { s, _ := o[name].(string); return s }
	e := Entry{
		ID: id, Act: Act(text("act")), By: text("by"), Token: text("token"), From: text("from"),
		Package: text("package"), Version: text("version"), On: text("on"), Note: text("note"),
	}
	e.At, _ = time.Parse(time.RFC3339, text("at"))
	e.OK, _ = o["ok"].(bool)
	if details, _ := o["details"].(object); len(details) > 0 {
		e.Details = map[string]string{}
		for name, value := range details {
			e.Details[name], _ = value.(string)
		}
	}
	if heads, _ := o["heads"].(object); len(heads) > 0 {
		e.heads = map[string]head{}
		for chain, value := range heads {
			s, _ := value.(string)
			e.heads[chain], _ = parseHead(s)
		}
	}
	return e
}
