package registry

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand"
	"slices"
	"testing"

	"github.com/go-kivik/kivik/v4"
	_ "github.com/go-kivik/kivik/v4/couchdb" // the driver
	"github.com/stretchr/testify/require"

	"settee/database"
	"settee/fixtures/engine"
	"settee/replicate"
)

var couchURL = flag.String("couch", "", "URL, with credentials, of an Apache CouchDB that regions run on too")

// ground is a region without an npm API: its documents, on a database of any kind.
type ground struct{ *Registry }

func newGround(t *testing.T, client *kivik.Client) ground {
	r := &Registry{log: slog.New(slog.DiscardHandler)}
	for _, db := range []**kivik.DB{&r.db, &r.records} {
		name := fmt.Sprintf("merge-%d", rand.Int63())
		require.NoError(t, client.CreateDB(t.Context(), name))
		t.Cleanup(func() { require.NoError(t, client.DestroyDB(context.Background(), name)) })
		*db = client.DB(name)
	}
	r.cache = newCache(r.db, 1<<20, 0, r.load)
	return ground{r}
}

func (g ground) pull(t *testing.T, from ground) {
	for _, dbs := range [][2]*kivik.DB{{from.db, g.db}, {from.records, g.records}} {
		_, err := replicate.Run(t.Context(), replicate.Peer{DB: dbs[0], Name: dbs[0].Name()}, replicate.Peer{DB: dbs[1], Name: dbs[1].Name()}, replicate.Options{})
		require.NoError(t, err)
	}
}

func (g ground) leaves(t *testing.T) []string {
	raw, err := database.Text(t.Context(), g.db, "p", withLeaves)
	require.NoError(t, err)
	p := parsePackument("p", raw)
	return append([]string{p.rev}, slices.Sorted(slices.Values(slices.Concat(p.conflicts, p.closed)))...)
}

// TestResolveOnAnyDatabase resolves one conflict on pairs of databases: they agree on every
// leaf, the names of the merged revisions among them.
func TestResolveOnAnyDatabase(t *testing.T) {
	own := func(t *testing.T) ground {
		return newGround(t, engine.Open(t, engine.Twins).Client)
	}
	kinds := map[string]func(*testing.T) [2]ground{"embedded": func(t *testing.T) [2]ground { return [2]ground{own(t), own(t)} }}
	if *couchURL != "" {
		theirs := func(t *testing.T) ground {
			client, err := kivik.New("couch", *couchURL)
			require.NoError(t, err)
			return newGround(t, client)
		}
		kinds["CouchDB"] = func(t *testing.T) [2]ground { return [2]ground{theirs(t), theirs(t)} }
		kinds["both"] = func(t *testing.T) [2]ground { return [2]ground{own(t), theirs(t)} }
	}
	for kind, make := range kinds {
		t.Run(kind, func(t *testing.T) {
			g := make(t)
			start := (&draft{t: t}).publish("bob", "1.0.0", "a<b>é")
			left := start.fork().publish("bob", "1.1.0", "b").publish("bob", "1.2.0", "late").star("ann", true)
			right := start.fork().publish("ann", "1.2.0", "early").deprecate("1.0.0", "old")
			rev, err := g[0].db.Put(t.Context(), "p", json.RawMessage(start.leaf().Body))
			require.NoError(t, err)
			g[1].pull(t, g[0])
			for i, d := range []*draft{left, right} {
				_, err := g[i].db.Put(t.Context(), "p", json.RawMessage(d.leaf().Body), kivik.Rev(rev))
				require.NoError(t, err)
			}
			g[0].pull(t, g[1])
			g[1].pull(t, g[0])
			require.Len(t, g[0].leaves(t), 2)
			for i := range g {
				require.NoError(t, g[i].ResolvePackage(t.Context(), "p"))
			}
			t.Log(g[0].leaves(t), g[1].leaves(t))
			if kind != "both" {
				require.Equal(t, g[0].leaves(t), g[1].leaves(t), "each alone came to the same")
			}
			for range 2 {
				g[0].pull(t, g[1])
				g[1].pull(t, g[0])
				for i := range g {
					require.NoError(t, g[i].ResolvePackage(t.Context(), "p"))
				}
			}
			require.Equal(t, g[0].leaves(t), g[1].leaves(t))
			a, err := g[0].load(t.Context(), "p")
			require.NoError(t, err)
			b, err := g[1].load(t.Context(), "p")
			require.NoError(t, err)
			require.True(t, a.same(b))
			require.Len(t, a.versions, 3)
			require.Equal(t, []Loss{{"p", "1.2.0", "sha512-late", "2026-01-01T00:00:02.000Z", "bob", false}}, a.losses)
			require.Empty(t, a.conflicts)
		})
	}
}
