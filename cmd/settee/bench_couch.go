package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

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
func (b *bencher) database(name string) (string, error) {
	name = "bench_" + b.stamp + "_" + name
	c, err := b.couch.dial(b.ctx)
	if err != nil {
		return "", err
	}
	defer c.close()
	if _, err = c.do("PUT", "/"+name, "", []byte{}, false); err == nil {
		b.databases = append(b.databases, name)
	}
	return name, err
}

func (b *bencher) put(clients int) error {
	bodies, err := documents(prepared)
	if err != nil {
		return err
	}
	db, err := b.database(fmt.Sprintf("put%d", clients))
	if err != nil {
		return err
	}
	l, err := b.during(b.couch, clients, func(c *benchConn, client, i int) error {
		_, err := c.do("PUT", fmt.Sprintf("/%s/d%d-%d", db, client, i), "", bodies[(client*7+i)%prepared], false)
		return err
	})
	if err != nil {
		return err
	}
	return b.print(fmt.Sprintf("Put/c=%d", clients), l, 0, "docs")
}

// fill loads the database that get and changes read, once.
func (b *bencher) fill() (load, error) {
	if b.loaded != "" {
		return load{}, nil
	}
	batches := make([][]byte, b.flags.docs/1000)
	for k := range batches {
		rows := make([]any, 1000)
		for i := range rows {
			d := document(k*1000 + i)
			d["_id"] = fmt.Sprintf("doc%08d", k*1000+i)
			rows[i] = d
		}
		var err error
		if batches[k], err = json.Marshal(map[string]any{"docs": rows}); err != nil {
			return load{}, err
		}
	}
	db, err := b.database("bulk")
	if err != nil {
		return load{}, err
	}
	l, err := b.each(b.couch, 1, len(batches), func(c *benchConn, i int) error {
		answer, err := c.do("POST", "/"+db+"/_bulk_docs", "", batches[i], true)
		if err == nil && bytes.Contains(answer, []byte(`"error"`)) {
			err = fmt.Errorf("a document was refused: %.300s", answer)
		}
		return err
	})
	b.loaded = db
	return l, err
}

func (b *bencher) bulk() error {
	l, err := b.fill()
	if err != nil {
		return err
	}
	return b.print("BulkDocs/n=1000", l, len(l.took)*1000, "docs")
}

func (b *bencher) get() error {
	if _, err := b.fill(); err != nil {
		return err
	}
	n := b.flags.docs / 1000 * 1000
	l, err := b.during(b.couch, 32, func(c *benchConn, _, _ int) error {
		_, err := c.do("GET", fmt.Sprintf("/%s/doc%08d", b.loaded, rand.IntN(n)), "Accept: application/json\r\n", nil, false)
		return err
	})
	if err != nil {
		return err
	}
	return b.print("Get/c=32", l, 0, "docs")
}

func (b *bencher) changes() error {
	if _, err := b.fill(); err != nil {
		return err
	}
	n := b.flags.docs / 1000 * 1000
	l, err := b.during(b.couch, 1, func(c *benchConn, _, i int) error {
		answer, err := c.do("GET", "/"+b.loaded+"/_changes", "", nil, i == 0)
		if err == nil && i == 0 && bytes.Count(answer, []byte(`"seq":`)) != n {
			err = fmt.Errorf("the feed has %d rows instead of %d", bytes.Count(answer, []byte(`"seq":`)), n)
		}
		return err
	})
	if err != nil {
		return err
	}
	return b.print("Changes", l, len(l.took)*n, "rows")
}

func (b *bencher) update() error {
	bodies, err := documents(prepared)
	if err != nil {
		return err
	}
	db, err := b.database("update")
	if err != nil {
		return err
	}
	var rev string
	l, err := b.each(b.couch, 1, b.flags.updates, func(c *benchConn, i int) error {
		headers := ""
		if i > 0 {
			headers = `If-Match: "` + rev + "\"\r\n"
		}
		answer, err := c.do("PUT", "/"+db+"/one", headers, bodies[i%prepared], true)
		if err != nil {
			return err
		}
		var row struct{ Rev string }
		err = json.Unmarshal(answer, &row)
		rev = row.Rev
		return err
	})
	if err != nil {
		return err
	}
	if err := b.print("Update/first=100", sum(l.took[:100]), 0, "docs"); err != nil {
		return err
	}
	return b.print(fmt.Sprintf("Update/last=100of%d", len(l.took)), sum(l.took[len(l.took)-100:]), 0, "docs")
}
