package httpd

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"settee/couch"
)

// dbUpdates is GET /_db_updates: the feed of the global changes, each row drawn
// as what happened to a database. Without the database there is no feed.
func (c *call) dbUpdates() error {
	var err error
	if c.db, err = c.s.store.DB(couch.GlobalChanges); err != nil {
		return err
	}
	p, err := c.dbUpdatesParams()
	if err != nil {
		return err
	}
	if p.Feed == normal {
		if unchanged, err := c.changesTag(); unchanged || err != nil {
			return err
		}
	}
	f := &feed{c: c, p: p, out: c.stream(), rowForm: rowForm{feed: p.Feed, tail: strings.TrimPrefix(c.db.FormatSeq(0), "0"), updates: true}}
	defer f.out.release()
	return f.run()
}

// dbUpdatesParams reads what _db_updates shares with _changes; its words are fewer.
func (c *call) dbUpdatesParams() (changesParams, error) {
	q := c.query
	p := changesParams{Feed: normal, Timeout: c.policy.changesTimeout, Rows: couch.ChangesOptions{Limit: -1, Descending: q.flag("descending")}}
	switch f := feedKind(q["feed"]); f {
	case "", normal:
	case longpoll, continuous, eventsource:
		p.Feed = f
	default:
		return p, badRequest("Supported `feed` types: normal, continuous, longpoll, eventsource")
	}
	var heartbeat, timeout int
	for name, into := range map[string]*int{"limit": &p.Rows.Limit, "heartbeat": &heartbeat, "timeout": &timeout} {
		v, ok := q[name]
		if !ok || name == "heartbeat" && (v == "true" || v == "false") {
			continue
		}
		n, err := strconv.Atoi(v)
		if errors.Is(err, strconv.ErrRange) && v[0] != '-' {
			n, err = math.MaxInt, nil // larger than any is as good as the largest
		}
		if err != nil || n < 0 {
			return p, badRequest("invalid_integer")
		}
		*into = n
	}
	if p.Heartbeat = min(milliseconds(heartbeat), p.Timeout); q["heartbeat"] == "true" {
		p.Heartbeat = p.Timeout
	}
	if _, ok := q["timeout"]; ok {
		p.Timeout = min(milliseconds(timeout), p.Timeout)
	}
	return p, c.changesSince(&p, q)
}

// appendUpdate draws a row of _db_updates, up to its end. CouchDB's eventsource shows the
// document's row instead, which no client can want.
func (r *rowForm) appendUpdate(dst []byte, ch *couch.Change) []byte {
	u, _ := couch.ParseDBUpdate(ch.ID)
	dst = appendString(append(dst, `{"db_name":`...), u.Name)
	dst = appendString(append(dst, `,"type":`...), u.Type)
	return r.appendSeq(append(dst, `,"seq":`...), ch.Seq)
}
