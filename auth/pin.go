package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-kivik/kivik/v4"
)

// errOtherSource refuses a repository that was made anew under the name of one that was deleted, or whose owner was.
var errOtherSource = &Error{Kind: Forbidden, Reason: "The id-token is of another repository than the one that published first: it has the same name, and other ids. If that is right, remove the trusted publisher and add it again."}

// id is a claim that is an id: a text, or a whole number as some services write it.
func (c Claims) id(name string) string {
	if n, is := c[name].(float64); is && n == float64(int64(n)) {
		return strconv.FormatInt(int64(n), 10)
	}
	return c.text(name)
}

// ids compares the ids that are asked for, if any are.
func (c Claims) ids(said Claims, names []string) bool {
	for _, name := range names {
		if want := c.id(name); want != "" && want != said.id(name) {
			return false
		}
	}
	return true
}

// checkIDs refuses ids that are none.
func (c Claims) checkIDs(names []string) error {
	for _, name := range names {
		if id := c.id(name); c[name] != nil && (id == "" || len(id) > 64) {
			return badRequest("invalid claims: " + name + " must be an id")
		}
	}
	return nil
}

// pinned are the ids of what an id-token is of.
func (m matcher) pinned(said Claims) map[string]string {
	pins := map[string]string{}
	for _, name := range m.ids {
		if id := said.id(name); id != "" {
			pins[name] = id
		}
	}
	return pins
}

// pin keeps a publisher to the repository that its first exchange was of, by the ids that its id-token brought: names are given again, ids are not.
func (a *Auth) pin(ctx context.Context, p Publisher, said Claims) error {
	if len(p.Pinned) == 0 && len(matchers[p.Kind].pinned(said)) == 0 {
		return nil // the service has none
	}
	for len(p.Pinned) == 0 {
		key := p.Package + ":" + p.ID
		var d publisherDoc
		err := a.publishers.Get(ctx, key).ScanDoc(&d)
		if kivik.HTTPStatus(err) == http.StatusNotFound {
			return errNoTrust
		}
		if err != nil {
			return fmt.Errorf("auth: read a publisher: %w", err)
		}
		if len(d.Pinned) == 0 {
			d.Pinned = matchers[p.Kind].pinned(said)
			raw, err := json.Marshal(d)
			if err == nil {
				_, err = a.publishers.Put(ctx, key, json.RawMessage(raw))
			}
			if kivik.HTTPStatus(err) == http.StatusConflict {
				continue // another was the first
			}
			if err != nil {
				return fmt.Errorf("auth: store a publisher: %w", err)
			}
		}
		p.Pinned = d.Pinned
	}
	for name, id := range p.Pinned {
		if said.id(name) != id {
			a.o.Logger.Warn("auth: a build of another repository of that name wants to publish", "package", p.Package, "source", p.source(), "claim", name, "want", id, "said", said.id(name))
			return errOtherSource
		}
	}
	return nil
}
