package search

import (
	"context"
	"strings"

	index "github.com/blevesearch/bleve_index_api"
)

// Called reports whether a package of the first source, restricted or not, is called as one of some texts: with its scope or without, whatever their
// capitals and punctuation are. It is ErrNotReady while the index has not read everything.
func (x *Index) Called(ctx context.Context, texts []string) (called bool, err error) {
	complete := false
	err = x.read(ctx, func(g *generation, reader index.IndexReader) error {
		if complete = g.live.Load(); !complete {
			return nil
		}
		for _, text := range texts {
			if called, err = calledIn(ctx, reader, squash(text)); called || err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && !complete {
		err = ErrNotReady
	}
	return called, err
}

func calledIn(ctx context.Context, reader index.IndexReader, squashed string) (bool, error) {
	if squashed == "" {
		return false, nil
	}
	list, err := reader.TermFieldReader(ctx, []byte("="+squashed), "n", false, false, false)
	if err != nil {
		return false, err
	}
	defer func() { _ = list.Close() }()
	for {
		at, err := list.Next(nil)
		if at == nil || err != nil {
			return false, err
		}
		id, err := reader.ExternalID(at.ID)
		if err != nil || strings.HasPrefix(id, key(0, "")) {
			return err == nil, err
		}
	}
}
