package auth

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"settee/fixtures"

	"github.com/go-kivik/kivik/v4"
	kdriver "github.com/go-kivik/kivik/v4/driver"
	"github.com/stretchr/testify/require"
)

var registerMemory = sync.OnceFunc(func() { kivik.Register("auth-memory", memories) })

var memories = &memoryDriver{byName: map[string]*memory{}}

// memoryDriver gives each data source name a store of its own.
type memoryDriver struct {
	mu     sync.Mutex
	byName map[string]*memory
}

func (d *memoryDriver) NewClient(name string, _ kdriver.Options) (kdriver.Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.byName[name], nil
}

func openMemory(t testing.TB) (*kivik.Client, *memory) {
	registerMemory()
	m := &memory{}
	memories.mu.Lock()
	memories.byName[t.Name()] = m
	memories.mu.Unlock()
	c, err := kivik.New("auth-memory", t.Name())
	require.NoError(t, err)
	return c, m
}

func newClock() *fixtures.Clock {
	return fixtures.ClockAt(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
}

// testOptions hash quickly; what the rounds cost is the benchmarks' matter.
func testOptions(c *fixtures.Clock) Options {
	return Options{AdminName: "root", AdminPassword: "toor toor", Iterations: 10, Now: c.Now, Secret: []byte("a secret")}
}

func openAuth(t testing.TB, client *kivik.Client, o Options) *Auth {
	a, err := Open(context.Background(), client, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return a
}

func request(header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func basic(name, password string) *http.Request {
	r := request()
	r.SetBasicAuth(name, password)
	return r
}

// sessionOf is the value of an identity's cookie.
func sessionOf(a *Auth, id Identity) string {
	value, _, _ := strings.Cut(strings.TrimPrefix(a.Cookie(request(), id), "AuthSession="), ";")
	return value
}

// memorySettings are Settings that tests change.
type memorySettings struct {
	mu  sync.Mutex
	all map[string]map[string]string
}

func newSettings() *memorySettings { return &memorySettings{all: map[string]map[string]string{}} }

func (m *memorySettings) Setting(section, key string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, set := m.all[section][key]
	return v, set
}

func (m *memorySettings) Section(section string) map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.all[section])
}

// set sets keys given as "section/key", "value", …
func (m *memorySettings) set(pairs ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := 0; i < len(pairs); i += 2 {
		section, key, _ := strings.Cut(pairs[i], "/")
		if m.all[section] == nil {
			m.all[section] = map[string]string{}
		}
		m.all[section][key] = pairs[i+1]
	}
}

func (m *memorySettings) unset(section, key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all[section], key)
}

func bearer(secret string) *http.Request { return request("Authorization", "Bearer "+secret) }
