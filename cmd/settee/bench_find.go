package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// mango builds a Mango index and searches by it. No two of a run have one name, so each is an index of its
// own, as in view.
func (s *subject) mango() ([]figure, error) {
	if err := s.fill(); err != nil {
		return nil, err
	}
	s.designs++
	name := fmt.Sprintf("bench%d", s.designs)
	// Both are timed: pouchdb-server builds an index when it is made, others when it is first read.
	built, err := s.each(s.server, 1, 1, func(*benchConn, int) error {
		if err := s.search("_index", fmt.Sprintf(`{"index":{"fields":["author.age"]},"name":%q,"ddoc":%q}`, name, name), nil); err != nil {
			return err
		}
		return s.search("_find", fmt.Sprintf(`{"selector":{"author.age":{"$gte":0}},"limit":1,"use_index":%q}`, name), nil)
	})
	if err != nil {
		return nil, err
	}
	figures := []figure{{name: "Find/build", load: built, n: s.rows, unit: "docs"}}
	if err := s.usesIndex(name); err != nil {
		return nil, err
	}
	found, err := s.during(s.server, 8, func(c *benchConn, _, _ int) error {
		_, err := c.do("POST", "/"+s.loaded+"/_find", "Accept: application/json\r\n", fmt.Appendf(nil, `{"selector":{"author.age":%d},"limit":20}`, rand.IntN(90)), false)
		return err
	})
	return append(figures, figure{name: "Find/docs=20/c=8", load: found, unit: "requests"}), err
}

// search sends one request and reads its answer.
func (s *subject) search(verb, body string, answer any) error {
	raw, err := s.once("POST", "/"+s.loaded+"/"+verb, []byte(body))
	if err != nil || answer == nil {
		return err
	}
	return json.Unmarshal(raw, answer)
}

// usesIndex proves that a search by age reads an index of the age.
func (s *subject) usesIndex(name string) error {
	var plan struct {
		Index struct {
			Def struct{ Fields []map[string]string }
		}
	}
	if err := s.search("_explain", fmt.Sprintf(`{"selector":{"author.age":1},"use_index":%q}`, name), &plan); err != nil {
		return err
	}
	if f := plan.Index.Def.Fields; len(f) != 1 || f[0]["author.age"] == "" {
		return fmt.Errorf("the search reads another index: %v", f)
	}
	return nil
}
