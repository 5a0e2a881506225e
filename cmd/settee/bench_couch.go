package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// subject is one CouchDB server that is measured.
type subject struct {
	*bencher
	server benchServer
	rival  bool

	databases []string // to be removed
	loaded    string   // the database that get and changes read, once it is full
	rows      int      // its documents
	designs   int      // design documents that were made
}

// once sends one request on a connection of its own.
func (s *subject) once(method, path string, body []byte) ([]byte, error) {
	c, err := s.server.dial(s.ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.do(method, path, "", body, true)
}

// ask is a GET whose answer is parsed.
func (s *subject) ask(path string, answer any) error {
	raw, err := s.once("GET", path, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, answer)
}

// title is what the server calls itself.
func (s *subject) title() string {
	var root struct {
		Version string
		Vendor  struct{ Name string }
	}
	_ = s.ask("/", &root) // it may be down: then its address must do
	for maker, name := range map[string]string{"Apache": "CouchDB", "PouchDB": "pouchdb-server", "settee": "settee"} {
		if strings.Contains(root.Vendor.Name, maker) {
			return name + " " + root.Version
		}
	}
	return cmp.Or(root.Vendor.Name, s.server.host)
}

// clean removes the databases of this run.
func (s *subject) clean() error {
	if s == nil || len(s.databases) == 0 {
		return nil
	}
	fmt.Fprintf(s.stderr, "bench: removing %d databases\n", len(s.databases))
	_, err := s.each(s.server, 1, len(s.databases), func(c *benchConn, i int) error {
		_, err := c.do("DELETE", "/"+s.databases[i], "", nil, false)
		return err
	})
	return err
}

// prepared is the number of different documents that put sends round and round.
const prepared = 512

// document draws a document of about 600 bytes, from i alone.
func document(i int) map[string]any {
	words := strings.Fields("alpha bravo charlie delta echo foxtrot golf hotel india juliet")
	r := rand.New(rand.NewPCG(uint64(i), 1))
	word := func() string { return words[r.IntN(len(words))] }
	text := make([]string, 60)
	for k := range text {
		text[k] = word()
	}
	return map[string]any{
		"type": "post", "n": i, "tags": []string{word(), word()}, "score": r.Float64(),
		"author": map[string]any{"name": word(), "age": r.IntN(90)}, "text": strings.Join(text, " "),
	}
}

func documents(n int) ([][]byte, error) {
	all := make([][]byte, n)
	for i := range all {
		var err error
		if all[i], err = json.Marshal(document(i)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// database makes a database of this run.
func (s *subject) database(name string) (string, error) {
	name = fmt.Sprintf("bench_%s_%s_%d", s.stamp, name, len(s.databases))
	if _, err := s.once("PUT", "/"+name, []byte{}); err != nil {
		return "", err
	}
	s.databases = append(s.databases, name)
	return name, nil
}

func (s *subject) put(clients int) ([]figure, error) {
	bodies, err := documents(prepared)
	if err != nil {
		return nil, err
	}
	db, err := s.database(fmt.Sprintf("put%d", clients))
	if err != nil {
		return nil, err
	}
	l, err := s.during(s.server, clients, func(c *benchConn, client, i int) error {
		_, err := c.do("PUT", fmt.Sprintf("/%s/d%d-%d", db, client, i), "", bodies[(client*7+i)%prepared], false)
		return err
	})
	return []figure{{name: fmt.Sprintf("Put/c=%d", clients), load: l, unit: "docs"}}, err
}

// batch is how many documents one _bulk_docs has.
const batch = 1000

// bulkDocs is the body of a _bulk_docs of documents k*batch and following.
func bulkDocs(dst []byte, bodies [][]byte, k int) []byte {
	dst = append(dst, `{"docs":[`...)
	for i := k * batch; i < (k+1)*batch; i++ {
		if i > k*batch {
			dst = append(dst, ',')
		}
		dst = append(fmt.Appendf(dst, `{"_id":"doc%08d",`, i), bodies[i%len(bodies)][1:]...)
	}
	return append(dst, "]}"...)
}

// sendBulk sends one, and looks at every row of the answer.
func sendBulk(c *benchConn, db string, body []byte) error {
	answer, err := c.do("POST", "/"+db+"/_bulk_docs", "", body, true)
	if err == nil && bytes.Contains(answer, []byte(`"error"`)) {
		err = fmt.Errorf("a document was refused: %.300s", answer)
	}
	return err
}

func (s *subject) bulk() ([]figure, error) {
	bodies, err := documents(s.flags.docs)
	if err != nil {
		return nil, err
	}
	batches := make([][]byte, s.flags.docs/batch)
	for k := range batches {
		batches[k] = bulkDocs(nil, bodies, k)
	}
	db, err := s.database("bulk")
	if err != nil {
		return nil, err
	}
	l, err := s.some(s.server, 1, len(batches), func(c *benchConn, i int) error { return sendBulk(c, db, batches[i]) })
	if err != nil {
		return nil, err
	}
	s.loaded, s.rows = db, len(l.took)*batch
	return []figure{{name: "BulkDocs/n=1000", load: l, n: s.rows, unit: "docs"}}, nil
}

// fill loads the database that get and changes read, unless bulk did.
func (s *subject) fill() error {
	if s.loaded != "" {
		return nil
	}
	_, err := s.bulk()
	return err
}

func (s *subject) get() ([]figure, error) {
	if err := s.fill(); err != nil {
		return nil, err
	}
	l, err := s.random(s.loaded, s.rows, 32)
	return []figure{{name: "Get/c=32", load: l, unit: "docs"}}, err
}

// random gets documents of the first n.
func (s *subject) random(db string, n, clients int) (load, error) {
	return s.during(s.server, clients, func(c *benchConn, _, _ int) error {
		_, err := c.do("GET", fmt.Sprintf("/%s/doc%08d", db, rand.IntN(n)), "Accept: application/json\r\n", nil, false)
		return err
	})
}

func (s *subject) changes() ([]figure, error) {
	if err := s.fill(); err != nil {
		return nil, err
	}
	l, err := s.during(s.server, 1, func(c *benchConn, _, i int) error {
		answer, err := c.do("GET", "/"+s.loaded+"/_changes", "", nil, i == 0)
		if rows := bytes.Count(answer, []byte(`"seq":`)); err == nil && i == 0 && rows != s.rows {
			err = fmt.Errorf("the feed has %d rows instead of %d", rows, s.rows)
		}
		return err
	})
	return []figure{{name: "Changes", load: l, n: len(l.took) * s.rows, unit: "rows"}}, err
}

func (s *subject) update() ([]figure, error) {
	bodies, err := documents(prepared)
	if err != nil {
		return nil, err
	}
	db, err := s.database("update")
	if err != nil {
		return nil, err
	}
	var rev string
	l, err := s.some(s.server, 1, s.flags.updates, func(c *benchConn, i int) error {
		body := bodies[i%prepared]
		if i > 0 {
			body = append([]byte(`{"_rev":"`+rev+`",`), body[1:]...) // every server takes it here, not all as If-Match
		}
		answer, err := c.do("PUT", "/"+db+"/one", "", body, true)
		if err != nil {
			return err
		}
		var row struct{ Rev string }
		err = json.Unmarshal(answer, &row)
		rev = row.Rev
		return err
	})
	if err != nil {
		return nil, err
	}
	n := min(100, len(l.took))
	return []figure{
		{name: "Update/first=100", load: sum(l.took[:n]), unit: "docs"},
		{name: "Update/last=100of" + strconv.Itoa(len(l.took)), load: sum(l.took[len(l.took)-n:]), unit: "docs"},
	}, nil
}
