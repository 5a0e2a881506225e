package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// benchDesign is a design document of two JavaScript views, three rows a document. No two indexes of one
// run are the same: n, a comment, makes each an index of its own (of a form that pouchdb-server's wrapping in parentheses survives). It is built when it is asked for, not before.
func benchDesign(n int) []byte {
	by := func(reduce, mapping string) map[string]string {
		return map[string]string{"map": fmt.Sprintf("%s /* %d */", mapping, n), "reduce": reduce}
	}
	design, _ := json.Marshal(map[string]any{"autoupdate": false, "views": map[string]any{
		"by_tag":    by("_sum", "function(doc){ if (doc.type==='post') { for (var i=0;i<doc.tags.length;i++) emit([doc.tags[i], doc.n], doc.score); } }"),
		"by_author": by("_stats", "function(doc){ emit(doc.author.name, doc.author.age); }"),
	}})
	return design
}

// design stores such a document and returns the path of its views.
func (s *subject) design(db string) (path string, err error) {
	s.designs++
	path = fmt.Sprintf("/%s/_design/bench%d", db, s.designs)
	_, err = s.once("PUT", path, benchDesign(s.designs))
	return path + "/_view/", err
}

// build waits until the views have all rows.
func (s *subject) build(views string, docs int) (load, error) {
	return s.each(s.server, 1, 1, func(c *benchConn, _ int) error {
		answer, err := c.do("GET", views+"by_tag?limit=1&reduce=false", "Accept: application/json\r\n", nil, true)
		if err != nil {
			return err
		}
		var view struct {
			Total int `json:"total_rows"`
		}
		if err := json.Unmarshal(answer, &view); err != nil {
			return err
		}
		if view.Total != 2*docs {
			return fmt.Errorf("the view has %d rows instead of %d", view.Total, 2*docs)
		}
		return nil
	})
}

// question is a read of a view, drawn anew for each request.
type question struct {
	name, unit string
	path       func() string
}

// questions are asked of views of n documents.
func questions(views string, n int) []question {
	return []question{
		{"range=20", "requests", func() string {
			tag := []string{"alpha", "bravo", "charlie", "delta", "echo"}[rand.IntN(5)]
			return fmt.Sprintf(`%sby_tag?reduce=false&limit=20&startkey=%%5B%%22%s%%22,%d%%5D`, views, tag, rand.IntN(n))
		}},
		{"group", "requests", func() string { return views + "by_tag?group_level=1" }},
		randomRange(views, n),
	}
}

// randomRange is the reduction of the documents of one tag between two numbers.
func randomRange(views string, n int) question {
	return question{"reduce", "requests", func() string {
		a, b := rand.IntN(n), rand.IntN(n)
		return fmt.Sprintf(`%sby_tag?startkey=%%5B%%22charlie%%22,%d%%5D&endkey=%%5B%%22charlie%%22,%d%%5D`, views, min(a, b), max(a, b))
	}}
}

// view builds two views and asks them.
func (s *subject) view() ([]figure, error) {
	if err := s.fill(); err != nil {
		return nil, err
	}
	path, err := s.design(s.loaded)
	if err != nil {
		return nil, err
	}
	built, err := s.build(path, s.rows)
	if err != nil {
		return nil, err
	}
	figures := []figure{{name: "View/build", load: built, n: s.rows, unit: "docs"}}
	asked, err := s.ask8("View/", questions(path, s.rows))
	return append(figures, asked...), err
}

// ask8 has 8 clients ask each question for the time of a workload.
func (s *subject) ask8(prefix string, questions []question) ([]figure, error) {
	var figures []figure
	for _, q := range questions {
		l, err := s.during(s.server, 8, func(c *benchConn, _, _ int) error {
			_, err := c.do("GET", q.path(), "Accept: application/json\r\n", nil, false)
			return err
		})
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{name: prefix + q.name + "/c=8", load: l, unit: q.unit})
	}
	return figures, nil
}
