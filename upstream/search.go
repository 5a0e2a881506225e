package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"settee/views/packuments"
)

// The bounds of a search elsewhere.
const (
	searchTime     = time.Second // who searches waits no longer for what is beside our own
	mostFound      = 100         // results that are asked for: nobody reads on
	mostSearchText = 512 << 10   // bytes of an answer; the public registry's hundred are some 120 kB
	mostSearches   = 64          // answers that are remembered
)

// Hit is a package that another registry finds.
type Hit struct {
	Name   string
	Hidden bool            // the rules hide the version that it tells of
	Raw    json.RawMessage // the object of npm's answer: package, score, flags
}

// finder remembers what was found of late, and leaves a search alone that fails: packuments may be had nevertheless.
type finder struct {
	breaker
	asking singleflight.Group

	mu    sync.Mutex
	known map[string]answer // by text
}

type answer struct {
	objects []json.RawMessage
	until   time.Time
}

// Search asks the registry that has no pattern what it finds for a text, and leaves out what is not asked of it or is refused. It waits for a
// second at most; an answer is believed as long as a packument is. The caller sees to it that the text tells nothing of what is ours.
func (r *Reader) Search(ctx context.Context, text string) ([]Hit, error) {
	m := r.remote("")
	if m == nil || r.o.Mirror == MirrorAll { // all that it has is here
		return nil, nil
	}
	if circling(ctx, r.o.self) {
		return nil, ErrLoop
	}
	objects, err := r.find(ctx, m, &m.finder, text, searchTime)
	return r.hits(m, objects), err
}

// find asks a registry what it finds for a text, or remembers it. Of several who ask for the same at once one does.
func (r *Reader) find(ctx context.Context, m *remote, f *finder, text string, within time.Duration) ([]json.RawMessage, error) {
	if objects, known := f.recall(text); known {
		return objects, nil
	}
	asking := f.asking.DoChan(text, func() (any, error) {
		if !r.enter() {
			return nil, ErrUnavailable
		}
		defer r.running.Done()
		ctx, cancel := context.WithTimeout(carried(r.ctx, ctx), within)
		defer cancel()
		return m.search(ctx, f, text)
	})
	select {
	case got := <-asking:
		if got.Err != nil {
			return nil, fmt.Errorf("%w: search at %s: %w", ErrUnavailable, m.Name(), got.Err)
		}
		objects, _ := got.Val.([]json.RawMessage)
		return objects, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hits are the packages that are asked of a registry, by names that can be asked for.
func (r *Reader) hits(m *remote, objects []json.RawMessage) (list []Hit) {
	seen := map[string]bool{}
	for _, raw := range objects {
		about := packuments.Member(raw, "package")
		name := packuments.Text(packuments.Member(about, "name"))
		if seen[name] || !r.tells(m, name) {
			continue
		}
		seen[name] = true
		now := r.o.Now()
		published, err := time.Parse(time.RFC3339, packuments.Text(packuments.Member(about, "date")))
		if err != nil {
			published = now
		}
		_, hidden := r.o.Rules.Version(name, packuments.Text(packuments.Member(about, "version")), published, now)
		list = append(list, Hit{name, hidden, raw})
	}
	return list
}

// Elsewhere reports whether a name is one that the registry without a pattern is not to hear of: another is asked for it, or none.
func (r *Reader) Elsewhere(name string) bool {
	return r.remote(name) != r.remote("") || Rules{Deny: r.o.Rules.Deny}.Name(name) != nil
}

// search asks once.
func (m *remote) search(ctx context.Context, f *finder, text string) ([]json.RawMessage, error) {
	if m.open() || !f.enter() {
		return nil, errResting
	}
	objects, alone, err := m.find(ctx, text)
	if err != nil {
		f.left(badly, alone)
		return nil, err
	}
	f.left(well, 0)
	f.remember(text, answer{objects, m.now().Add(m.o.Fresh)})
	return objects, nil
}

func (m *remote) find(ctx context.Context, text string) (objects []json.RawMessage, alone time.Duration, err error) {
	query := url.Values{"text": {text}, "size": {fmt.Sprint(mostFound)}, "from": {"0"}}
	res, err := m.once(ctx, m.URL.String()+"/-/v1/search?"+query.Encode(), http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}})
	if err != nil {
		return nil, 0, err
	}
	raw, err := m.body(res, mostSearchText)
	if err != nil {
		return nil, retryAfter(res.Header.Get("Retry-After"), m.now()), err
	}
	var list struct {
		Objects []json.RawMessage `json:"objects"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, 0, err
	}
	return list.Objects[:min(len(list.Objects), mostFound)], 0, nil
}

func (f *finder) recall(text string) (objects []json.RawMessage, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, known := f.known[text]
	return a.objects, known && f.now().Before(a.until)
}

func (f *finder) remember(text string, a answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil || len(f.known) >= mostSearches {
		f.known = map[string]answer{}
	}
	f.known[strings.Clone(text)] = a
}
