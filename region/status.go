package region

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"

	"settee/replicate"
	"settee/tarballs"
)

// Status is what a region tells of itself; see the package doc.
type Status struct {
	Region    string                  `json:"region"`
	ReadOnly  bool                    `json:"read_only"`
	NPM       NPM                     `json:"npm"`
	Peers     map[string]PeerStatus   `json:"peers"`
	Followers []replicate.Status      `json:"followers"`
	Blobs     tarballs.ThroughMetrics `json:"blobs"`
}

// NPM is where a node's npm API is: at a URL, or at a port of the host by which its CouchDB API is known.
type NPM struct {
	URL  string `json:"url,omitempty"`
	Port int    `json:"port,omitempty"`
	TLS  bool   `json:"tls,omitempty"` // of the port
}

// PeerStatus is what is known of a peer.
type PeerStatus struct {
	URL           string                    `json:"url"`
	State         State                     `json:"state"`
	Heard         time.Time                 `json:"heard,omitzero"`
	LastError     string                    `json:"last_error,omitempty"`
	LastErrorTime time.Time                 `json:"last_error_time,omitzero"`
	Databases     map[string]DatabaseStatus `json:"databases"`
}

// DatabaseStatus is how far one database of a peer is pulled.
type DatabaseStatus struct {
	State         State     `json:"state"`
	Seq           string    `json:"seq,omitempty"`
	Pending       int64     `json:"pending"`
	LagSeconds    float64   `json:"lag_seconds"`
	Written       int64     `json:"written"`
	Refused       int64     `json:"refused"`
	LastError     string    `json:"last_error,omitempty"`
	LastErrorTime time.Time `json:"last_error_time,omitzero"`
}

// Status tells what the region is at.
func (r *Region) Status() Status {
	s := Status{Region: r.o.Name, ReadOnly: r.o.ReadOnly, NPM: NPM{r.o.PublicURL, r.o.NPMPort, r.o.NPMTLS}, Peers: map[string]PeerStatus{}, Followers: []replicate.Status{}}
	for _, l := range r.links {
		p := l.meeting.status()
		p.URL, p.Databases = l.bare().String(), map[string]DatabaseStatus{}
		if heard := l.heard.Load(); heard != 0 {
			p.Heard = time.Unix(0, heard).UTC()
		}
		for _, one := range l.pulls {
			p.Databases[one.name] = one.status()
		}
		s.Peers[l.Name] = p
	}
	for _, f := range r.followers {
		s.Followers = append(s.Followers, f.Status())
	}
	if r.blobs != nil {
		s.Blobs = r.blobs.Metrics()
	}
	return s
}

// status is what a meeting tells of the peer.
func (m *meeting) status() PeerStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := PeerStatus{State: cmp.Or(m.mu.state, Starting), LastErrorTime: m.mu.at.UTC()}
	if m.mu.problem != nil {
		s.LastError = m.mu.problem.text
	}
	return s
}

func (p *pull) status() DatabaseStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.link.region.o.Now()
	s := DatabaseStatus{
		State: p.mu.state, Seq: p.mu.stats.ThroughSeq, Pending: p.mu.stats.ChangesPending,
		Written: p.mu.before.DocsWritten + p.mu.stats.DocsWritten,
		Refused: p.mu.before.DocWriteFailures + p.mu.stats.DocWriteFailures,
	}
	if p.mu.state == Starting {
		s.Pending = -1
	}
	if !p.mu.behind.IsZero() {
		s.LagSeconds = max(0, now.Sub(p.mu.behind).Seconds())
	}
	if p.mu.err != nil {
		s.LastError, s.LastErrorTime = p.mu.err.Error(), p.mu.erred.UTC()
	}
	if trouble, at := p.link.meeting.trouble(); trouble != nil {
		s.State, s.Pending, s.LastError, s.LastErrorTime = trouble.state, -1, trouble.text, at.UTC()
	}
	return s
}

// ServeHTTP answers GET with the status.
func (r *Region) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if q.Method != http.MethodGet && q.Method != http.MethodHead {
		w.Header().Set("Allow", "GET,HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		_, _ = w.Write([]byte(`{"error":"method_not_allowed","reason":"Only GET,HEAD allowed"}` + "\n"))
		return
	}
	_ = json.NewEncoder(w).Encode(r.Status()) // a client that is gone needs no answer
}

// Figure is a figure for Prometheus.
type Figure struct {
	Name, Help string
	Counter    bool
	Value      float64
	Labels     []string // name and value in turn
}

// perDatabase are the figures of each peer's databases.
var perDatabase = []struct {
	name, help string
	counter    bool
	value      func(DatabaseStatus) float64
}{
	{"settee_region_following", "whether a database of a peer is being pulled", false, func(s DatabaseStatus) float64 { return truth(s.State == Following) }},
	{"settee_region_lag_seconds", "for how long changes of a peer have been pending, or could not be asked for", false, func(s DatabaseStatus) float64 { return s.LagSeconds }},
	{"settee_region_pending_changes", "changes that a peer has and this node has not; -1 where it is not known", false, func(s DatabaseStatus) float64 { return float64(s.Pending) }},
	{"settee_region_written_total", "revisions that were written here from a peer", true, func(s DatabaseStatus) float64 { return float64(s.Written) }},
	{"settee_region_refused_total", "revisions of a peer that were refused here", true, func(s DatabaseStatus) float64 { return float64(s.Refused) }},
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Figures are the status in figures; those of one name stand together. A node without peers has none.
func (r *Region) Figures() []Figure {
	if len(r.links) == 0 {
		return nil
	}
	var list []Figure
	for _, f := range perDatabase {
		for _, l := range r.links {
			for _, p := range l.pulls {
				list = append(list, Figure{f.name, f.help, f.counter, f.value(p.status()), []string{"peer", l.Name, "database", p.name}})
			}
		}
	}
	s := r.Status()
	for _, f := range s.Followers {
		list = append(list, Figure{"settee_follower_lag_seconds", "how far a follower is behind its database", false, f.Lag.Time.Seconds(), []string{"follower", f.Name, "database", f.Database}})
	}
	for _, f := range s.Followers {
		list = append(list, Figure{"settee_follower_set_aside", "changes that a follower could not handle", false, float64(f.SetAside), []string{"follower", f.Name, "database", f.Database}})
	}
	return append(list,
		Figure{"settee_blobs_fetched_total", "blobs that were fetched from other regions", true, float64(s.Blobs.Fetched), nil},
		Figure{"settee_blobs_fetched_bytes_total", "bytes of blobs that were fetched from other regions", true, float64(s.Blobs.FetchedBytes), nil},
		Figure{"settee_blobs_failed_total", "fetches of blobs that failed", true, float64(s.Blobs.Failed), nil},
		Figure{"settee_blobs_wrong_total", "blobs that came with another digest", true, float64(s.Blobs.Wrong), nil},
	)
}
