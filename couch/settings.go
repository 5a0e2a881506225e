package couch

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// Settings are a store's configuration: sections of keys, all text. They are
// what an administrator set; defaults belong to whoever reads them.
type Settings map[string]map[string]string

// errSettingName refuses names that the key's layout cannot hold.
var errSettingName = &Error{Kind: BadRequest, Reason: "A setting needs a section and a key without control characters."}

// settings are the Settings of an open store. Readers take no lock: what they
// see is never changed, a change makes a new version.
type settings struct {
	durable atomic.Pointer[version] // what readers see

	mu      sync.Mutex // guards the rest; batches are applied under it, in the order of the versions
	applied *version   // may be ahead of the disk

	telling sync.Mutex                   // held while watchers are told, after mu
	tell    map[int]func(section string) // guarded by telling
	next    int                          // likewise
}

// A version is the settings after its number of changes.
type version struct {
	number uint64
	all    Settings
}

func settingKey(section, key string) []byte {
	return append(append(append([]byte("c"), section...), 0), key...)
}

// loadSettings reads what was set in earlier lives of the store.
func (s *Store) loadSettings() error {
	it, err := s.pebble.NewIter(&pebble.IterOptions{LowerBound: []byte("c"), UpperBound: []byte("d")})
	if err != nil {
		return readError(err)
	}
	all := Settings{}
	for ok := it.First(); ok; ok = it.Next() {
		section, key, _ := bytes.Cut(it.Key()[1:], []byte{0})
		value, err := it.ValueAndErr()
		if err != nil {
			return errors.Join(readError(err), it.Close())
		}
		if all[string(section)] == nil {
			all[string(section)] = map[string]string{}
		}
		all[string(section)][string(key)] = string(value)
	}
	if err := it.Close(); err != nil {
		return readError(err)
	}
	first := &version{all: all}
	s.settings.applied = first
	s.settings.durable.Store(first)
	return nil
}

// with is a copy that has the value; the sections that stay are shared.
func (a Settings) with(section, key, value string) Settings {
	next, in := maps.Clone(a), maps.Clone(a[section])
	if in == nil {
		in = map[string]string{}
	}
	in[key] = value
	next[section] = in
	return next
}

// without is a copy that lacks the key, and the section with its last one.
func (a Settings) without(section, key string) Settings {
	next, in := maps.Clone(a), maps.Clone(a[section])
	delete(in, key)
	next[section] = in
	if len(in) == 0 {
		delete(next, section)
	}
	return next
}

// Settings are all that is set. They are shared: do not change them.
func (s *Store) Settings() Settings { return s.settings.durable.Load().all }

// Section is what is set in one section, nil where nothing is. It is shared: do
// not change it.
func (s *Store) Section(section string) map[string]string { return s.Settings()[section] }

// Setting is one value; set tells an empty one from none.
func (s *Store) Setting(section, key string) (value string, set bool) {
	value, set = s.Settings()[section][key]
	return value, set
}

// SetSetting sets a value and returns the one before. When it returns, the
// value is durable and readers see it.
func (s *Store) SetSetting(section, key, value string) (old string, had bool, err error) {
	if !settingName(section) || !settingName(key) {
		return "", false, errSettingName
	}
	return s.changeSetting(section, key, func(b *pebble.Batch, all Settings) Settings {
		set(b, settingKey(section, key), []byte(value))
		return all.with(section, key, value)
	})
}

// DeleteSetting removes a value and returns it.
func (s *Store) DeleteSetting(section, key string) (old string, had bool, err error) {
	return s.changeSetting(section, key, func(b *pebble.Batch, all Settings) Settings {
		if _, set := all[section][key]; !set {
			return all
		}
		_ = b.Delete(settingKey(section, key), nil)
		return all.without(section, key)
	})
}

func settingName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

// changeSetting applies one change under the lock and waits for the disk outside
// it, so that changes share a commit. The log keeps their order: a version that
// is durable holds every earlier one, so only a newer one is shown.
func (s *Store) changeSetting(section, key string, change func(*pebble.Batch, Settings) Settings) (old string, had bool, err error) {
	if err := s.gate.enter(); err != nil {
		return "", false, err
	}
	defer s.gate.leave()
	b := s.pebble.NewBatch()
	defer b.Close() //nolint:errcheck // it only goes back to its pool

	g := &s.settings
	g.mu.Lock()
	before := g.applied
	old, had = before.all[section][key]
	after := &version{before.number + 1, change(b, before.all)}
	if b.Empty() {
		g.mu.Unlock()
		return old, had, nil
	}
	if err := s.apply(b); err != nil {
		g.mu.Unlock()
		return "", false, err
	}
	g.applied = after
	g.mu.Unlock()

	if err := s.sync(b); err != nil {
		return "", false, err
	}
	g.show(after)
	g.changed(section)
	return old, had, nil
}

func (g *settings) show(v *version) {
	for {
		seen := g.durable.Load()
		if seen.number >= v.number || g.durable.CompareAndSwap(seen, v) {
			return
		}
	}
}

func (g *settings) changed(section string) {
	g.telling.Lock()
	defer g.telling.Unlock()
	for _, f := range g.tell {
		f(section)
	}
}

// WatchSettings calls f with the section after each change, once readers see
// it, one call at a time: what f reads last is what holds. f must not block nor
// change settings. It ends with stop.
func (s *Store) WatchSettings(f func(section string)) (stop func()) {
	g := &s.settings
	g.telling.Lock()
	defer g.telling.Unlock()
	id := g.next
	g.next++
	if g.tell == nil {
		g.tell = map[int]func(string){}
	}
	g.tell[id] = f
	return func() {
		g.telling.Lock()
		defer g.telling.Unlock()
		delete(g.tell, id)
	}
}
