package couch

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"github.com/cockroachdb/pebble/v2"
)

// Settings are a store's configuration: sections of keys, all text. They are
// what an administrator set; defaults belong to whoever reads them.
type Settings map[string]map[string]string

// The refusals, in CouchDB's words.
var (
	errSettingSection = &Error{Kind: BadRequest, Reason: "Invalid configuration section"}
	errSettingKey     = &Error{Kind: BadRequest, Reason: "Invalid configuration key"}
	errSettingValue   = &Error{Kind: BadRequest, Reason: "Invalid configuration value"}
)

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

// A version is the settings after its number of changes. kept are those that
// the disk has: all differs from them where something was only tried.
type version struct {
	number    uint64
	all, kept Settings
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
	first := &version{all: all, kept: all}
	s.settings.applied = first
	s.settings.durable.Store(first)
	return nil
}

// with is a copy that has the value, or with nil lacks it; the sections that
// stay are shared.
func (a Settings) with(section, key string, value *string) Settings {
	next, in := maps.Clone(a), maps.Clone(a[section])
	if value == nil {
		delete(in, key)
	} else {
		if in == nil {
			in = map[string]string{}
		}
		in[key] = *value
	}
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
	return s.changeSetting(section, key, &value, true)
}

// DeleteSetting removes a value and returns it.
func (s *Store) DeleteSetting(section, key string) (old string, had bool, err error) {
	return s.changeSetting(section, key, nil, true)
}

// TrySetting sets a value that holds until ReloadSettings or the end of the
// store; TryDeletingSetting removes one for as long.
func (s *Store) TrySetting(section, key, value string) (old string, had bool, err error) {
	return s.changeSetting(section, key, &value, false)
}

// TryDeletingSetting is described at TrySetting.
func (s *Store) TryDeletingSetting(section, key string) (old string, had bool, err error) {
	return s.changeSetting(section, key, nil, false)
}

// checkSetting refuses what an ini file could not hold. A value may be empty.
func checkSetting(section, key string, value *string) error {
	odd := func(r rune) bool { return r != '\t' && r != ' ' && !unicode.IsGraphic(r) }
	named := func(name string) bool {
		return name != "" && !strings.ContainsAny(name, "[]") && strings.IndexFunc(name, odd) < 0
	}
	switch {
	case !named(section):
		return errSettingSection
	case !named(key):
		return errSettingKey
	case value != nil && strings.IndexFunc(*value, odd) >= 0:
		return errSettingValue
	}
	return nil
}

// changeSetting sets one value, or with nil removes it.
func (s *Store) changeSetting(section, key string, value *string, keep bool) (old string, had bool, err error) {
	if err := checkSetting(section, key, value); err != nil {
		return "", false, err
	}
	err = s.changeSettings(func(b *pebble.Batch, v *version) []string {
		old, had = v.all[section][key]
		v.all = v.all.with(section, key, value)
		if !keep {
			return []string{section}
		}
		v.kept = v.kept.with(section, key, value)
		if value == nil {
			_ = b.Delete(settingKey(section, key), nil)
		} else {
			set(b, settingKey(section, key), []byte(*value))
		}
		return []string{section}
	})
	if err != nil {
		return "", false, err
	}
	return old, had, nil
}

// ReloadSettings goes back to what the disk has, as a restart would.
func (s *Store) ReloadSettings() error {
	return s.changeSettings(func(_ *pebble.Batch, v *version) (changed []string) {
		for _, one := range []Settings{v.all, v.kept} {
			for section := range one {
				if !maps.Equal(v.all[section], v.kept[section]) && !slices.Contains(changed, section) {
					changed = append(changed, section)
				}
			}
		}
		v.all = v.kept
		return changed
	})
}

// changeSettings applies a change under the lock and waits for the disk outside
// it, so that changes share a commit. The log keeps their order: a version that
// is durable holds every earlier one, so only a newer one is shown.
func (s *Store) changeSettings(change func(*pebble.Batch, *version) (changed []string)) error {
	if err := s.gate.enter(); err != nil {
		return err
	}
	defer s.gate.leave()
	b := s.pebble.NewBatch()
	defer b.Close() //nolint:errcheck // it only goes back to its pool
	after, changed, err := s.applySettings(b, change)
	if err == nil {
		err = s.sync(b)
	}
	if err != nil {
		return err
	}
	s.settings.show(after)
	s.settings.changed(changed)
	return nil
}

func (s *Store) applySettings(b *pebble.Batch, change func(*pebble.Batch, *version) []string) (*version, []string, error) {
	g := &s.settings
	g.mu.Lock()
	defer g.mu.Unlock()
	after := &version{g.applied.number + 1, g.applied.all, g.applied.kept}
	changed := change(b, after)
	_ = b.LogData([]byte("settings"), nil) // a change that keeps nothing has its place in the log too
	if err := s.apply(b); err != nil {
		return nil, nil, err
	}
	g.applied = after
	return after, changed, nil
}

func (g *settings) show(v *version) {
	for {
		seen := g.durable.Load()
		if seen.number >= v.number || g.durable.CompareAndSwap(seen, v) {
			return
		}
	}
}

func (g *settings) changed(sections []string) {
	g.telling.Lock()
	defer g.telling.Unlock()
	for _, section := range sections {
		for _, f := range g.tell {
			f(section)
		}
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
