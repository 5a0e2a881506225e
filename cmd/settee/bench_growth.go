package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"syscall"
	"time"
)

// smallGrowth is the size that the costs of a large database are compared with.
const smallGrowth = 10_000

// page is how many rows the reads of growth ask for.
const page = 20

// growth asks the same of a database with few documents and with many, compacted both times: what
// is read must not cost more because of what is not. Of a server of its own it also tells the
// memory that this took and how long the store takes to open, after an end and after a crash.
func (s *subject) growth() ([]figure, error) {
	if err := s.afresh(); err != nil {
		return nil, err
	}
	bodies, err := documents(4 * batch)
	if err != nil {
		return nil, err
	}
	db, err := s.database("growth")
	if err != nil {
		return nil, err
	}
	if _, err := s.grow(db, bodies, 0, smallGrowth); err != nil {
		return nil, err
	}
	if _, err := s.compact(db, smallGrowth); err != nil {
		return nil, err
	}
	small, err := s.reads(db, smallGrowth)
	if err != nil {
		return nil, err
	}
	views, err := s.design(db) // so late that nothing else is measured beside its index
	if err != nil {
		return nil, err
	}
	_, smallReduce, err := s.reductions(views, smallGrowth)
	if err != nil {
		return nil, err
	}
	s.progress.stage("growth")
	l, err := s.grow(db, bodies, smallGrowth, s.flags.growth)
	if err != nil {
		return nil, err
	}
	s.progress.stage("")
	disk, err := s.compact(db, s.flags.growth+1) // with the design document
	if err != nil {
		return nil, err
	}
	large, err := s.reads(db, s.flags.growth)
	if err != nil {
		return nil, err
	}
	memory := s.memory("memory")
	built, largeReduce, err := s.reductions(views, s.flags.growth)
	if err != nil {
		return nil, err
	}
	small, large = append(small, smallReduce), append(large, largeReduce)
	for i := range large {
		large[i].values = []value{{large[i].perWork() / small[i].perWork(), fmt.Sprintf("x-of-%d", smallGrowth), 2}}
	}
	loaded := figure{name: s.grown("load"), load: l, n: len(l.took) * batch, unit: "docs"}
	indexed := figure{name: s.grown("view"), load: built, n: s.flags.growth - smallGrowth, unit: "docs"}
	figures := append(slices.Concat([]figure{loaded, indexed}, small, large, memory, s.memory("memory-with-view")), disk)
	if s.local == nil || s.rival {
		return figures, nil
	}
	rest, err := s.restarts(db)
	return append(figures, rest...), err
}

func (s *subject) grown(what string) string {
	return fmt.Sprintf("Growth/docs=%d/%s", s.flags.growth, what)
}

// grow loads the documents from one number to another.
func (s *subject) grow(db string, bodies [][]byte, from, to int) (load, error) {
	var body []byte
	return s.each(s.server, 1, to/batch-from/batch, func(c *benchConn, i int) error {
		body = bulkDocs(body[:0], bodies, from/batch+i)
		return sendBulk(c, db, body)
	})
}

// reads are questions whose answers are of one size, whatever the database's.
func (s *subject) reads(db string, n int) ([]figure, error) {
	since, err := s.nearEnd(db)
	if err != nil {
		return nil, err
	}
	whole := s.seconds
	s.seconds /= 2
	defer func() { s.seconds = whole }()
	return s.ask8(fmt.Sprintf("Growth/docs=%d/", n), []question{
		{"get", "docs", func() string { return fmt.Sprintf("/%s/doc%08d", db, rand.IntN(n)) }},
		{"changes", "requests", func() string { return "/" + db + "/_changes?since=" + since }},
		{"alldocs", "requests", func() string {
			return fmt.Sprintf("/%s/_all_docs?startkey=%%22doc%08d%%22&limit=%d", db, rand.IntN(n-page), page)
		}},
	})
}

// reductions brings the views up to n documents and asks for those of random ranges.
func (s *subject) reductions(views string, n int) (built load, reduce figure, err error) {
	if built, err = s.build(views, n); err != nil {
		return built, reduce, err
	}
	figures, err := s.ask8(fmt.Sprintf("Growth/docs=%d/", n), []question{randomRange(views, n)})
	if err != nil {
		return built, reduce, err
	}
	return built, figures[0], nil
}

// nearEnd is a sequence that a page of changes follows.
func (s *subject) nearEnd(db string) (string, error) {
	var feed struct {
		Results []struct{ Seq json.RawMessage }
	}
	if err := s.ask(fmt.Sprintf("/%s/_changes?descending=true&limit=%d", db, page+1), &feed); err != nil {
		return "", err
	}
	if len(feed.Results) == 0 {
		return "", fmt.Errorf("the feed of %s is empty", db)
	}
	seq := string(feed.Results[len(feed.Results)-1].Seq)
	var text string
	if json.Unmarshal([]byte(seq), &text) == nil {
		seq = text // a number stays as it is
	}
	return url.QueryEscape(seq), nil
}

// compact waits for a compaction, and tells what the documents take then.
func (s *subject) compact(db string, docs int) (figure, error) {
	if _, err := s.once("POST", "/"+db+"/_compact", []byte("{}")); err != nil {
		return figure{}, err
	}
	for {
		var info struct {
			Running bool  `json:"compact_running"`
			Docs    int   `json:"doc_count"`
			Disk    int64 `json:"disk_size"` // CouchDB 1 and pouchdb-server
			Sizes   struct{ File int64 }
		}
		if err := s.ask("/"+db, &info); err != nil {
			return figure{}, err
		}
		if info.Running {
			select {
			case <-s.ctx.Done():
				return figure{}, s.ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		if info.Docs != docs {
			return figure{}, fmt.Errorf("%d documents instead of %d", info.Docs, docs)
		}
		bytes := float64(max(info.Sizes.File, info.Disk)) / float64(info.Docs)
		return figure{name: s.grown("disk"), n: info.Docs, values: []value{{bytes, "bytes/doc", 0}}}, nil
	}
}

// afresh starts the own server again, so that its memory is of growth alone.
func (s *subject) afresh() error {
	if s.local == nil || s.rival {
		return nil
	}
	if err := s.local.stop(syscall.SIGTERM); err != nil {
		return err
	}
	if err := s.local.start(s.ctx); err != nil {
		return err
	}
	s.find()
	return nil
}

// memory is the most that the own server has taken until now; nothing where that cannot be told.
func (s *subject) memory(name string) []figure {
	if s.local == nil || s.rival {
		return nil
	}
	peak := s.local.peak()
	if peak == 0 {
		return nil
	}
	return []figure{{name: s.grown(name), n: 1, values: []value{{peak / 1e6, "peak-MB", 0}}}}
}

// restarts measures the own server's start up to the first answer.
func (s *subject) restarts(db string) ([]figure, error) {
	bodies, err := documents(batch)
	if err != nil {
		return nil, err
	}
	var figures []figure
	more := s.flags.growth
	for _, end := range []struct {
		name   string
		signal os.Signal
	}{{"open", syscall.SIGTERM}, {"open-after-kill", syscall.SIGKILL}} {
		var l load
		for range opens {
			if _, err := s.grow(db, bodies, more, more+batch); err != nil {
				return nil, err // so that the log holds something to replay
			}
			more += batch
			if err := s.local.stop(end.signal); err != nil {
				return nil, err
			}
			if err := timed(&l.took, func() error { return s.reopen(db) }); err != nil {
				return nil, err
			}
		}
		figures = append(figures, figure{name: s.grown(end.name), load: sum(l.took), unit: "opens"})
	}
	return figures, nil
}

// opens is how often each kind of start is measured.
const opens = 3

// reopen starts the own server up to its first answer about the database.
func (s *subject) reopen(db string) error {
	if err := s.local.start(s.ctx); err != nil {
		return err
	}
	s.find()
	_, err := s.once("GET", "/"+db, nil)
	return err
}
