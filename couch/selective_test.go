package couch

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// picky cares for ids that begin with a letter, and notes what it was asked.
type picky struct {
	letter string
	asked  []string
	refuse error
}

func (p *picky) Cares(_ *DB, doc *Document, _ *User) bool {
	return strings.HasPrefix(string(doc.ID), p.letter)
}

func (p *picky) Validate(_ context.Context, _ *DB, doc, old *Document, _ *User) error {
	was := ""
	if old != nil {
		was = string(old.Body)
	}
	p.asked = append(p.asked, string(doc.ID)+" "+was)
	return p.refuse
}

// A validator is asked about what it cares for only; the rest is stored without
// a look at what it replaces.
func TestSelective(t *testing.T) {
	db := database(t, Options{})
	p := &picky{letter: "c"}
	db.store.SetValidator(p)
	for _, id := range []string{"cat", "dog"} {
		rev := put(t, db, `{"_id":"`+id+`","n":1}`)
		put(t, db, `{"_id":"`+id+`","_rev":"`+rev.String()+`","n":2}`)
	}
	require.Equal(t, []string{"cat ", `cat {"n":1}`}, p.asked)
}

// Validators are asked one after another; the first that refuses is the last.
func TestAddValidator(t *testing.T) {
	db := database(t, Options{})
	first, second := &picky{letter: "a"}, &picky{letter: "b"}
	db.store.AddValidator(first)
	db.store.AddValidator(second)
	for _, id := range []string{"a", "b", "c"} {
		put(t, db, `{"_id":"`+id+`"}`)
	}
	require.Equal(t, []string{"a "}, first.asked)
	require.Equal(t, []string{"b "}, second.asked)
	third := &picky{letter: "a", refuse: ErrConflict}
	db.store.SetValidator(third)
	db.store.AddValidator(first)
	_, err := db.Put(ctx, parsed(t, `{"_id":"aa"}`), WriteOptions{})
	require.ErrorIs(t, err, ErrConflict)
	require.Len(t, first.asked, 1)
}
