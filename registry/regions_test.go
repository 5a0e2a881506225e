package registry

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/database"
	"settee/fixtures"
	"settee/replicate"
)

// world is some regions, each a registry on a store of its own, and what their clients
// were told.
type world struct {
	t       testing.TB
	d       dice
	regions []*house
	name    string
	acks    []ack
	gone    map[string]bool // numbers that somebody unpublished
}

// ack is a publish that was acknowledged.
type ack struct {
	version, integrity, by string
	at                     time.Time
}

func newWorld(t testing.TB, d dice, n int) *world {
	w := &world{t: t, d: d}
	for i := range n {
		h := open(t, func(_ *couch.Options, o *Options) { o.PublicURL = "http://registry" })
		h.clock.Set(time.Date(2026, 1, 1, 0, 0, 0, i*int(time.Millisecond), time.UTC))
		w.regions = append(w.regions, h)
	}
	for _, h := range w.regions[1:] {
		w.sameAccounts(h)
	}
	return w
}

// sameAccounts gives a region the accounts of the first: those of its own are others'.
func (w *world) sameAccounts(h *house) {
	users := h.client.DB("_users")
	for _, name := range []string{"bob", "ann"} {
		id := "org.couchdb.user:" + name
		rev, err := users.GetRev(w.t.Context(), id)
		require.NoError(w.t, err)
		_, err = users.Delete(w.t.Context(), id, rev)
		require.NoError(w.t, err)
	}
	_, err := replicate.Run(w.t.Context(), peer(w.regions[0], "_users"), peer(h, "_users"), replicate.Options{})
	require.NoError(w.t, err)
	for _, name := range []string{"bob", "ann"} {
		first, err := w.regions[0].auth.Account(w.t.Context(), name)
		require.NoError(w.t, err)
		require.Eventually(w.t, func() bool { // a token is of the account that its sign-in saw
			a, err := h.auth.Account(w.t.Context(), name)
			return err == nil && a.Created.Equal(first.Created)
		}, 10*time.Second, time.Millisecond)
	}
	h.bob, h.ann = h.login("bob", "secret-bob"), h.login("ann", "secret-ann")
}

// begin starts anew with another package.
func (w *world) begin(name string) {
	w.name, w.acks, w.gone = name, nil, map[string]bool{}
}

// pull brings region to what region from has.
func (w *world) pull(from, to *house) {
	for _, db := range []string{Database, AuditDatabase} {
		_, err := replicate.Run(w.t.Context(), peer(from, db), peer(to, db), replicate.Options{})
		require.NoError(w.t, err)
	}
}

func peer(h *house, db string) replicate.Peer {
	return replicate.Peer{DB: h.client.DB(db), Name: h.url + "/" + db}
}

// exchange lets each region pull from each other.
func (w *world) exchange() {
	for _, to := range w.regions {
		for _, from := range w.regions {
			if from != to {
				w.pull(from, to)
			}
		}
	}
}

func (w *world) resolve(h *house) {
	require.NoError(w.t, h.ResolvePackage(w.t.Context(), PackageName(w.name)))
}

// heal ends all partitions: the regions exchange and resolve until nothing happens.
func (w *world) heal() {
	for round := 0; ; round++ {
		require.Less(w.t, round, 5, "they answer each other for ever")
		before := w.leaves()
		w.exchange()
		for _, h := range w.regions {
			w.resolve(h)
		}
		if slices.Equal(before, w.leaves()) {
			break
		}
	}
	all := w.leaves()
	for i := range all {
		require.Equal(w.t, all[0], all[i], "the leaves of region %d", i)
	}
	docs := w.documents()
	for i := range docs {
		require.Equal(w.t, docs[0], docs[i], "the packument of region %d", i)
	}
	w.check()
}

// leaves are the revisions of the package in each region.
func (w *world) leaves() (out []string) {
	for _, h := range w.regions {
		p := parsePackument(PackageName(w.name), w.read(h))
		out = append(out, fmt.Sprint(p.rev, slices.Sorted(slices.Values(p.conflicts)), slices.Sorted(slices.Values(p.closed))))
	}
	return out
}

func (w *world) read(h *house) json.RawMessage {
	raw, err := database.Text(w.t.Context(), h.db, w.name, withLeaves)
	require.NoError(w.t, err)
	return raw
}

// documents are the packuments as each region serves them.
func (w *world) documents() (out []string) {
	for _, h := range w.regions {
		h.cache.clear()
		res := h.do("GET", "/"+w.name, h.root, nil)
		out = append(out, string(res.Body))
	}
	return out
}

// check holds the packument to what clients were told: of each publish that was
// acknowledged the bytes are served, or the number was unpublished, or another publish had it earlier.
func (w *world) check() {
	h := w.regions[0]
	doc := parsePackument(PackageName(w.name), w.read(h))
	records := w.records(h)
	for _, a := range w.acks {
		served := integrityOf(doc.versions.of(a.version)) == a.integrity
		earlier := slices.ContainsFunc(w.acks, func(o ack) bool {
			return unbuilt(o.version) == unbuilt(a.version) && o.integrity != a.integrity && !o.at.After(a.at)
		})
		record := slices.ContainsFunc(records, func(l Loss) bool { return l.Version == a.version && l.Integrity == a.integrity })
		require.True(w.t, served || w.gone[unbuilt(a.version)] || earlier || record, "%v is lost: %s", a, doc.encode())
		if earlier && !served && !w.gone[unbuilt(a.version)] {
			require.True(w.t, record, "nobody is told that %v lost", a)
		}
	}
	for _, m := range doc.versions {
		sum := integrityOf(m.value)
		i := slices.IndexFunc(w.acks, func(a ack) bool { return a.version == m.name && a.integrity == sum })
		require.GreaterOrEqual(w.t, i, 0, "%s was never published", m.name)
	}
}

// records are the losses that region h's audit log has of the package.
func (w *world) records(h *house) (out []Loss) {
	rows := h.client.DB(AuditDatabase).AllDocs(w.t.Context())
	defer rows.Close()
	for rows.Next() {
		id, err := rows.ID()
		require.NoError(w.t, err)
		if !strings.HasPrefix(id, "conflict:"+w.name+"@") {
			continue
		}
		var doc struct{ Version, Integrity, Time, By, Lost string }
		require.NoError(w.t, h.client.DB(AuditDatabase).Get(w.t.Context(), id).ScanDoc(&doc))
		out = append(out, Loss{PackageName(w.name), doc.Version, doc.Integrity, doc.Time, doc.By, doc.Lost == "name"})
	}
	require.NoError(w.t, rows.Err())
	return out
}

// publish publishes size bytes under a number, and notes whether that was acknowledged.
func (w *world) publish(h *house, who, version, tag string, size int) reply {
	doc := publishing(w.name, version, sampleTarball(w.t, w.name, version, size))
	doc["dist-tags"] = dict{tag: version}
	res := h.do("PUT", "/"+w.name, w.token(h, who), doc)
	if res.Status == 201 {
		sum := at(w.t, doc, "versions", version, "dist", "integrity").(string)
		version = unbuilt(version)
		if !slices.ContainsFunc(w.acks, func(a ack) bool { return a.version == version && a.integrity == sum && a.by == who }) {
			w.acks = append(w.acks, ack{version, sum, who, h.clock.Now()})
		}
	}
	return res
}

func (w *world) token(h *house, who string) string {
	return map[string]string{"bob": h.bob, "ann": h.ann, "root": h.root}[who]
}

// fetch is the full packument to edit, nil where there is none.
func (w *world) fetch(h *house, who string) dict {
	if res := h.do("GET", "/"+w.name+"?write=true", w.token(h, who), nil); res.Status == 200 {
		return res.JSON()
	}
	return nil
}

// edits are what clients do, at random and often in vain. Sent is the packument that they read.
var edits = map[string]func(w *world, h *house, who string, sent dict){
	"unpublish": func(w *world, h *house, who string, sent dict) {
		versions := sent["versions"].(dict)
		number := w.d.number()
		if versions[number] == nil {
			return
		}
		delete(versions, number)
		if h.do("PUT", "/"+w.name+"/-rev/"+sent["_rev"].(string), w.token(h, who), sent).Status == 201 {
			w.gone[unbuilt(number)] = true
		}
	},
	"unpublish all": func(w *world, h *house, who string, sent dict) {
		if w.d.Intn(3) > 0 {
			return
		}
		if h.do("DELETE", "/"+w.name+"/-rev/"+sent["_rev"].(string), w.token(h, who), nil).Status == 200 {
			for number := range sent["versions"].(dict) {
				w.gone[unbuilt(number)] = true
			}
			if w.d.Intn(2) == 0 {
				h.clock.Pass(25 * time.Hour) // so that somebody may come back
			}
		}
	},
	"tag": func(w *world, h *house, who string, _ dict) {
		h.do("PUT", "/-/package/"+w.name+"/dist-tags/"+one(w.d, "latest", "next", "beta"), w.token(h, who), w.d.number())
	},
	"untag": func(w *world, h *house, who string, _ dict) {
		h.do("DELETE", "/-/package/"+w.name+"/dist-tags/"+one(w.d, "next", "beta"), w.token(h, who), nil)
	},
	"own": func(w *world, h *house, who string, sent dict) {
		list := one(w.d, []any{dict{"name": "bob"}}, []any{dict{"name": "bob"}, dict{"name": "ann"}}, []any{dict{"name": "ann"}})
		h.do("PUT", "/"+w.name+"/-rev/"+sent["_rev"].(string), w.token(h, who), dict{"_id": w.name, "_rev": sent["_rev"], "maintainers": list})
	},
	"star": func(w *world, h *house, who string, _ dict) {
		h.do("PUT", "/"+w.name, w.token(h, who), dict{"_id": w.name, "users": one(w.d, dict{who: true}, dict{})})
	},
	"deprecate": func(w *world, h *house, who string, sent dict) {
		if v, ok := sent["versions"].(dict)[w.d.number()].(dict); ok {
			v["deprecated"] = one(w.d, "old", "older", "")
			h.do("PUT", "/"+w.name, w.token(h, who), sent)
		}
	},
}

// act lets somebody do something somewhere.
func (w *world) act() {
	h := one(w.d, w.regions...)
	h.clock.Pass(time.Duration(w.d.Intn(3)) * time.Millisecond)
	who := w.d.who()
	if who == "cy" {
		who = one(w.d, "bob", "root")
	}
	switch w.d.Intn(8) {
	case 0:
		w.pull(one(w.d, w.regions...), h)
	case 1:
		w.resolve(h)
	case 2, 3, 4:
		w.publish(h, who, w.d.number(), one(w.d, "latest", "latest", "next", "beta"), 100+w.d.Intn(2))
	default:
		if sent := w.fetch(h, who); sent != nil {
			names := make([]string, 0, len(edits))
			for name := range edits {
				names = append(names, name)
			}
			slices.Sort(names)
			edits[one(w.d, names...)](w, h, who, sent)
		}
	}
}

// TestRegionsConverge lets two and three regions do everything in any order, each alone and
// resolving when it likes. Healed, they agree and nothing that was acknowledged is missing.
func TestRegionsConverge(t *testing.T) {
	seed := int64(fixtures.Seed(t))
	worlds := []*world{newWorld(t, dice{}, 2), newWorld(t, dice{}, 3)}
	n := 300
	if testing.Short() {
		n = 20
	}
	for i := range n {
		w := worlds[i%2]
		w.d = dice{rand.New(rand.NewSource(seed + int64(i)))}
		w.begin(fmt.Sprintf("p%d", i))
		for range 3 + w.d.Intn(25) {
			w.act()
		}
		w.heal()
		before := w.leaves()
		w.exchange()
		for _, h := range w.regions {
			w.resolve(h)
		}
		require.Equal(t, before, w.leaves(), "a further round changes nothing")
	}
}
