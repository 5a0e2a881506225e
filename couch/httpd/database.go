package httpd

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"settee/couch"
)

// database is GET /{db}.
func (c *call) database() error {
	if c.head() {
		c.send(http.StatusOK, nil)
		return nil
	}
	dst, err := c.appendInfo(c.out[:0], c.db)
	if err != nil {
		return err
	}
	c.out = append(dst, '\n')
	c.send(http.StatusOK, c.out)
	return nil
}

// appendInfo appends a database's figures. There is one node and one shard.
func (c *call) appendInfo(dst []byte, db *couch.DB) ([]byte, error) {
	i, err := db.Info(c.ctx())
	if err != nil {
		return dst, err
	}
	number := func(name string, n int64) {
		dst = append(dst, `,"`+name+`":`...)
		dst = strconv.AppendInt(dst, n, 10)
	}
	dst = append(dst, `{"instance_start_time":"`+startTime(i)+`","db_name":`...)
	dst = appendString(dst, i.Name)
	dst = append(dst, `,"purge_seq":`...)
	dst = appendString(dst, db.FormatSeq(i.PurgeSeq))
	dst = append(dst, `,"update_seq":`...)
	dst = appendString(dst, db.FormatSeq(i.UpdateSeq))
	dst = append(dst, `,"sizes":{"file":`...)
	dst = strconv.AppendInt(dst, i.File, 10)
	number("external", i.External)
	number("active", i.Active)
	dst = append(dst, `},"props":{`...)
	if db.Partitioned() {
		dst = append(dst, `"partitioned":true`...)
	}
	dst = append(dst, '}')
	number("doc_del_count", i.Deleted)
	number("doc_count", i.Docs)
	dst = append(dst, `,"disk_format_version":8,"compact_running":`...)
	dst = strconv.AppendBool(dst, i.CompactRunning)
	return append(dst, `,"cluster":{"q":1,"n":1,"w":1,"r":1}}`...), nil
}

// startTime never changes while a database lives: replicators stop when it does.
func startTime(i couch.Info) string { return strconv.FormatInt(i.Created.Unix(), 10) }

func (c *call) createDatabase() error {
	name, err := c.segment("db")
	if err != nil {
		return err
	}
	for _, p := range []string{"q", "n"} {
		if v, ok := c.query[p]; ok {
			if n, err := strconv.Atoi(v); err != nil || n < 1 {
				return badRequest("The `" + p + "` value should be a positive integer.")
			}
		}
	}
	create := c.s.store.Create
	switch v, ok := c.query["partitioned"]; {
	case ok && v == "true":
		create = c.s.store.CreatePartitioned
	case ok && v != "false":
		return badRequest("Invalid `partitioned` parameter")
	}
	db, err := create(c.ctx(), name)
	if err == nil && c.policy.everyone && name[0] != '_' {
		err = db.SetSecurity(c.ctx(), couch.Security("{}"))
	}
	if err != nil {
		return err
	}
	c.location(escapedPath(name))
	return c.ok(http.StatusCreated)
}

func (c *call) deleteDatabase() error {
	if _, ok := c.query["rev"]; ok {
		return badRequest("You tried to DELETE a database with a ?=rev parameter. Did you mean to DELETE a document instead?")
	}
	name, err := c.segment("db")
	if err != nil {
		return err
	}
	if err := c.s.store.Delete(c.ctx(), name); err != nil {
		return err
	}
	return c.ok(http.StatusOK)
}

// databaseNames are those that the parameters of a list choose, in their order.
func (c *call) databaseNames() ([]string, error) {
	o, err := listOptions(c.r.URL.RawQuery, nil)
	if err != nil {
		return nil, err
	}
	p, err := o.list()
	if err != nil {
		return nil, err
	}
	all, err := c.s.store.Databases(c.ctx())
	if err != nil {
		return nil, err
	}
	return p.cut(all), nil
}

// cut returns the names that the parameters choose. Names are in their bytes' order.
func (p *listParams) cut(all []string) []string {
	names, o := []string{}, p.Rows
	switch {
	case p.Keys != nil:
		for _, key := range p.Keys {
			if name, err := text(key); err == nil && slices.Contains(all, name) {
				names = append(names, name)
			}
		}
	default:
		lower, upper, lowerOpen, upperOpen := o.Start, o.End, false, o.ExclusiveEnd
		if o.Descending {
			lower, upper, lowerOpen, upperOpen = o.End, o.Start, o.ExclusiveEnd, false
		}
		for _, n := range all {
			id := couch.DocID(n)
			below := lower != nil && (id < *lower || lowerOpen && id == *lower)
			above := upper != nil && (id > *upper || upperOpen && id == *upper)
			if !below && !above {
				names = append(names, n)
			}
		}
	}
	if o.Descending {
		slices.Reverse(names)
	}
	names = names[min(o.Skip, len(names)):]
	if o.Limit >= 0 {
		names = names[:min(o.Limit, len(names))]
	}
	return names
}

func (c *call) allDBs() error {
	list, err := c.databaseNames()
	if err != nil {
		return err
	}
	c.out = append(appendStrings(c.out[:0], list), '\n')
	if c.etag(tagOf(c.out)) {
		return nil
	}
	c.send(http.StatusOK, c.out)
	return nil
}

// dbsInfo is GET /_dbs_info: the databases of _all_dbs, each with its figures.
func (c *call) dbsInfo() error {
	list, err := c.databaseNames()
	if err != nil {
		return err
	}
	return c.sendInfos(len(list), func(i int) (string, []byte) { return list[i], appendString(nil, list[i]) })
}

var (
	errInfoKeys   = badRequest("`keys` member must exist.")
	errInfoKeyses = badRequest("`keys` member must be an array.")
	errManyInfos  = badRequest("too_many_keys")
)

// dbsInfoOf is POST /_dbs_info: the databases of keys.
func (c *call) dbsInfoOf() error {
	raw, err := c.object()
	if err != nil {
		return err
	}
	var asked struct {
		Keys json.RawMessage `json:"keys"`
	}
	if decode(raw, &asked) != nil {
		return errJSON
	}
	if asked.Keys == nil {
		return errInfoKeys
	}
	var keys []json.RawMessage
	if decode(asked.Keys, &keys) != nil || keys == nil {
		return errInfoKeyses
	}
	if len(keys) > c.policy.maxInfos {
		return errManyInfos
	}
	return c.sendInfos(len(keys), func(i int) (name string, raw []byte) {
		name, _ = text(keys[i]) // what is no string names no database
		return name, keys[i]
	})
}

// sendInfos answers with the figures of databases: at gives the i-th one's name,
// and the key that it came as.
func (c *call) sendInfos(n int, at func(i int) (name string, key []byte)) error {
	dst := append(c.out[:0], '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		name, key := at(i)
		dst = append(append(dst, `{"key":`...), key...)
		mark := len(dst)
		db, err := c.s.store.DB(name)
		if err == nil {
			dst, err = c.appendInfo(append(dst, `,"info":`...), db)
		}
		switch {
		case errors.Is(err, couch.ErrNoDatabase):
			dst = append(dst[:mark], `,"error":"not_found"`...)
		case err != nil:
			return err
		}
		dst = append(dst, '}')
	}
	c.out = append(dst, "]\n"...)
	if c.verb == http.MethodGet && c.etag(tagOf(c.out)) {
		return nil
	}
	c.send(http.StatusOK, c.out)
	return nil
}

// escapedPath is a path of this server, each segment escaped as CouchDB's
// Location headers have it.
func escapedPath(segments ...string) string {
	const digits = "0123456789ABCDEF"
	size := 0
	for _, s := range segments {
		size += len(s) + 4
	}
	var path strings.Builder
	path.Grow(size)
	for _, s := range segments {
		path.WriteByte('/')
		for i := range len(s) {
			if b := s[i]; asciiWord[b] {
				path.WriteByte(b)
			} else {
				path.Write([]byte{'%', digits[b>>4], digits[b&15]})
			}
		}
	}
	return path.String()
}

// asciiWord are the bytes of a path that need no escape.
var asciiWord = func() (plain [256]bool) {
	for _, b := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:") {
		plain[b] = true
	}
	return plain
}()
