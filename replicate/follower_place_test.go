package replicate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// memory is what a handler knows, as an index would.
type memory struct {
	seen
	lost atomic.Int64
}

func (m *memory) forget() {
	m.lost.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = nil
}

func (m *memory) knows() []string {
	ids := m.ids()
	slices.Sort(ids)
	return slices.Compact(ids)
}

// A follower may come before its database, and outlive it.
func TestFollowerOutlivesItsDatabase(t *testing.T) {
	for kind, make := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			db := make(t, "outlives_"+kind).DB
			client, name := db.Client(), db.Name()
			require.NoError(t, client.DestroyDB(t.Context(), name))
			var m memory
			f := replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: m.handle, Lost: m.forget, Proof: 200 * time.Millisecond})
			stop := follow(t, f)
			soon(t, func() bool { return f.Status().State == replicate.Absent })
			require.NoError(t, client.CreateDB(t.Context(), name))
			put(t, db, "a", `{}`)
			put(t, db, "b", `{}`)
			soon(t, func() bool { return len(m.knows()) == 2 })
			idle(t, f)
			before := m.lost.Load()
			require.NoError(t, client.DestroyDB(t.Context(), name))
			soon(t, func() bool { return f.Status().State == replicate.Absent })
			require.Empty(t, m.knows())
			require.NoError(t, client.CreateDB(t.Context(), name))
			put(t, db, "c", `{}`)
			soon(t, func() bool { return len(m.knows()) == 1 })
			require.Greater(t, m.lost.Load(), before)
			idle(t, f)
			require.Equal(t, []string{"c"}, m.knows())
			require.Error(t, stop())

			before = m.lost.Load()
			follow(t, replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: m.handle, Lost: m.forget}))
			put(t, db, "d", `{}`)
			soon(t, func() bool { return len(m.knows()) == 2 })
			require.Equal(t, before, m.lost.Load(), "a restart loses nothing")
		})
	}
}

// A follower without a name has no checkpoint to miss, and one that polls sees no absence where a database goes and
// comes back between two polls: it forgets all the same what the one before said.
func TestFollowerOfADatabaseMadeAnew(t *testing.T) {
	h := newHouse(t)
	source := h.embedded("source")
	require.NoError(t, source.Create(t.Context()))
	var hold atomic.Bool
	held, release := make(chan struct{}), make(chan struct{})
	link := roundTrip(func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "/_changes") && hold.CompareAndSwap(true, false) {
			close(held)
			<-release
		}
		return http.DefaultTransport.RoundTrip(req)
	})
	var m memory
	f := replicate.NewFollower(linked(t, h.address+"/source", link).DB, replicate.FollowerOptions{Handle: m.handle, Lost: m.forget, Proof: time.Hour})
	follow(t, f)
	soon(t, func() bool { return f.Status().State == replicate.Following })
	put(t, source.DB, "a", `{}`)
	soon(t, func() bool { return slices.Equal(m.knows(), []string{"a"}) })
	hold.Store(true) // a poll that is under way ends with b
	put(t, source.DB, "b", `{}`)
	<-held
	client, name := source.DB.Client(), source.DB.Name()
	require.NoError(t, client.DestroyDB(t.Context(), name))
	require.NoError(t, client.CreateDB(t.Context(), name))
	put(t, source.DB, "c", `{}`)
	before := m.lost.Load()
	close(release)
	soon(t, func() bool { return m.lost.Load() > before+1 }) // at once, and again when there is a place
	put(t, source.DB, "d", `{}`)
	soon(t, func() bool { return slices.Contains(m.knows(), "d") })
	require.Subset(t, []string{"c", "d"}, m.knows())
}

// Purges are heeded by who has something to forget, while it runs and after a restart.
func TestFollowerHeedsPurges(t *testing.T) {
	for kind, make := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			db := make(t, "purges_"+kind).DB
			purge := func(id, rev string) {
				_, err := db.Purge(t.Context(), map[string][]string{id: {rev}})
				require.NoError(t, err)
			}
			a, b, c := put(t, db, "a", `{}`), put(t, db, "b", `{}`), put(t, db, "c", `{}`)
			put(t, db, "d", `{}`)
			var m, late, deaf memory
			o := replicate.FollowerOptions{Name: "x", Handle: m.handle, Lost: m.forget, Proof: 100 * time.Millisecond}
			stop := follow(t, replicate.NewFollower(db, o))
			soon(t, func() bool { return len(m.knows()) == 4 })
			newer := o
			newer.Name, newer.Since, newer.Handle, newer.Lost = "newer", "now", late.handle, late.forget
			follow(t, replicate.NewFollower(db, newer))
			soon(t, func() bool { return late.lost.Load() == 1 })
			heedless := o
			heedless.Name, heedless.Handle, heedless.Lost = "heedless", deaf.handle, nil
			follow(t, replicate.NewFollower(db, heedless))
			soon(t, func() bool { return len(deaf.ids()) == 4 })

			purge("a", a)
			soon(t, func() bool { return slices.Equal(m.knows(), []string{"b", "c", "d"}) })
			soon(t, func() bool { return late.lost.Load() == 2 })
			require.Empty(t, late.knows(), "it never was at the beginning")
			purge("b", b)
			soon(t, func() bool { return slices.Equal(m.knows(), []string{"c", "d"}) })
			require.Error(t, stop())
			purge("c", c)
			follow(t, replicate.NewFollower(db, o))
			soon(t, func() bool { return slices.Equal(m.knows(), []string{"d"}) })
			require.Len(t, deaf.ids(), 4, "once each")
		})
	}
}

// beginsAnew starts a follower whose checkpoint says what no feed of this database said.
func beginsAnew(t *testing.T, db *kivik.DB, checkpoint string) {
	t.Helper()
	_, err := db.Put(t.Context(), "_local/follower-x", json.RawMessage(checkpoint))
	require.NoError(t, err)
	var m memory
	f := replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: m.handle, Lost: m.forget})
	stop := follow(t, f)
	soon(t, func() bool { return len(m.knows()) == 2 && m.lost.Load() > 0 })
	idle(t, f)
	require.Error(t, stop())
}

func TestFollowerBeginsAnew(t *testing.T) {
	for kind, make := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			db := make(t, "anew_"+kind).DB
			put(t, db, "a", `{}`)
			put(t, db, "b", `{}`)
			beginsAnew(t, db, `{"last_seq":"junk","session":"s"}`) // 400
			beginsAnew(t, db, `{"last_seq":17}`)
			beginsAnew(t, db, `{"set_aside":true}`)
			stats, err := db.Stats(t.Context())
			require.NoError(t, err)
			if kind != "couch" { // CouchDB sees to it itself
				beginsAnew(t, db, `{"last_seq":"9`+stats.UpdateSeq+`"}`)
			}
		})
	}
}

// A database that went back, as by a backup that was restored, and one made anew in between two polls.
func TestFollowerNoticesAnotherDatabase(t *testing.T) {
	for name, change := range map[string]func(*stage){
		"an older state":         func(s *stage) { s.log, s.last = s.log[:1], map[string]int{"a": 1} },
		"made anew":              func(s *stage) { s.log, s.last, s.instance = []string{"a"}, map[string]int{"a": 1}, 2 },
		"the sequence not known": func(s *stage) { s.log, s.last, s.kind = []string{"a"}, map[string]int{"a": 1}, "-b" },
		"not found":              func(s *stage) { s.gone = true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, db := newStage(t)
				s.write("a", "b", "c")
				var m memory
				f := replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: m.handle, Lost: m.forget})
				stop := follow(t, f)
				time.Sleep(time.Second)
				require.Equal(t, []string{"a", "b", "c"}, m.knows())
				s.with(func() { change(s) })
				time.Sleep(21 * time.Second)
				if s.gone {
					require.Empty(t, m.knows())
					s.with(func() { s.gone, s.log, s.last, s.local = false, []string{"a"}, map[string]int{"a": 1}, nil })
					time.Sleep(6 * time.Second)
				}
				require.Equal(t, []string{"a"}, m.knows())
				s.write("d")
				time.Sleep(time.Second)
				require.Equal(t, []string{"a", "d"}, m.knows())
				require.Error(t, stop())
			})
		})
	}
}

// The i-th call to the database fails, for every i, once or twice; whatever it was, all that changed
// is handled, and after a restart too.
func TestEveryCallOfAFollowerFails(t *testing.T) {
	for _, failure := range []error{errors.New("cut"), status(500), status(401)} {
		for i := 0; ; i++ {
			reached := false
			synctest.Test(t, func(t *testing.T) {
				s, db := newStage(t)
				s.fail = func(call int, _ string) error {
					if call == i || call == i+1 {
						reached = true
						return failure
					}
					return nil
				}
				for n := range 5 {
					s.write(fmt.Sprint("a", n))
				}
				var m memory
				o := replicate.FollowerOptions{Name: "x", Handle: m.handle}
				stop := follow(t, replicate.NewFollower(db, o))
				time.Sleep(30 * time.Second)
				s.write("b")
				time.Sleep(30 * time.Second)
				require.Len(t, m.knows(), 6)
				err := stop()
				require.ErrorIs(t, err, context.Canceled)
				s.write("c")
				follow(t, replicate.NewFollower(db, o))
				time.Sleep(30 * time.Second)
				require.Len(t, m.knows(), 7)
			})
			if !reached {
				require.Greater(t, i, 15)
				break
			}
		}
	}
}

func FuzzBookmark(f *testing.F) {
	f.Add([]byte(`{"last_seq":"1-a","purge_seq":1,"set_aside":[{"id":"a","seq":"1-a","revs":["1-a"],"error":"no","time":"2026-01-02T03:04:05Z"}],"session":"s"}`))
	f.Add([]byte(`{"set_aside":[{}]}`))
	f.Add([]byte(`{"last_seq":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			s, db := newStage(t)
			s.write("a")
			s.local = raw
			var m memory
			stop := follow(t, replicate.NewFollower(db, replicate.FollowerOptions{Name: "x", Handle: m.handle}))
			time.Sleep(time.Minute)
			require.ErrorIs(t, stop(), context.Canceled)
			require.True(t, json.Valid(s.local))
		})
	})
}
