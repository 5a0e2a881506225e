package httpd

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// prometheusType is what CouchDB says; the text is Prometheus' format 0.0.4.
var prometheusType = []string{"text/plain; version=2.0"}

// A Metric is a figure of another part of the program. Those of one name stand together.
type Metric struct {
	Name, Help string
	Counter    bool // it only grows; else it is a gauge
	Value      float64
	Labels     []string // name and value in turn
}

// exposition is Prometheus' text while it is written. The server's own names begin with couchdb_.
type exposition struct{ dst []byte }

const prefix = "couchdb_"

// others appends figures of other parts, under names of their own.
func (e *exposition) others(list []Metric) {
	for i, m := range list {
		if i == 0 || list[i-1].Name != m.Name {
			kind := statGauge
			if m.Counter {
				kind = statCounter
			}
			e.named(m.Name, kind, m.Help)
		}
		e.valued(m.Name, m.Value, m.Labels...)
	}
}

func (e *exposition) family(name string, k statKind, help string) { e.named(prefix+name, k, help) }

func (e *exposition) named(name string, k statKind, help string) {
	e.dst = append(e.dst, "# HELP "+name+" "+help+"\n# TYPE "+name+" "+string(k)+"\n"...)
}

// sample appends a value; labels are name and value in turn.
func (e *exposition) sample(name string, value float64, labels ...string) {
	e.valued(prefix+name, value, labels...)
}

func (e *exposition) valued(name string, value float64, labels ...string) {
	e.dst = append(e.dst, name...)
	for i := 0; i < len(labels); i += 2 {
		e.dst = append(e.dst, "{,"[min(i, 1)])
		e.dst = append(append(e.dst, labels[i]...), '=')
		e.dst = strconv.AppendQuote(e.dst, labels[i+1])
	}
	if len(labels) > 0 {
		e.dst = append(e.dst, '}')
	}
	e.dst = strconv.AppendFloat(append(e.dst, ' '), value, 'g', -1, 64)
	e.dst = append(e.dst, '\n')
}

// prometheus is GET _prometheus.
func (c *call) prometheus() error {
	m, err := c.s.measure()
	if err != nil {
		return err
	}
	e := exposition{c.out[:0]}
	for _, s := range stats {
		e.family(s.name, s.kind, s.desc)
		e.sample(s.name, float64(s.read(&m)))
	}
	e.requests(&m)
	e.syncs(&m)
	e.system(c.s.system())
	if c.s.o.Metrics != nil {
		e.others(c.s.o.Metrics())
	}
	c.out = e.dst
	c.sendAs(prometheusType, e.dst)
	return nil
}

func (e *exposition) requests(m *measured) {
	e.family("httpd_request_methods", statCounter, "number of HTTP requests by method")
	for _, method := range methods {
		e.sample("httpd_request_methods", float64(m.methods[method]), "method", method)
	}
	e.family("httpd_status_codes", statCounter, "number of HTTP responses by status code")
	for _, code := range m.statusCodes() {
		e.sample("httpd_status_codes", float64(m.statuses[code]), "code", strconv.Itoa(code))
	}
	d := m.requestTimes()
	e.family("request_time_seconds", "summary", "length of a request inside CouchDB without MochiWeb")
	for _, p := range d.Percentile {
		e.sample("request_time_seconds", p[1]/1000, "quantile", strconv.FormatFloat(share(p[0]), 'g', -1, 64))
	}
	seconds := time.Duration(m.nanos).Seconds()
	e.sample("request_time_seconds_sum", seconds)
	e.sample("request_time_seconds_count", float64(d.N))

	e.family("request_duration_seconds", "histogram", "length of a request, since the start")
	sum := int64(0)
	for class, n := range m.times {
		if sum += n; class%8 == 7 { // one bound each time it quadruples is enough
			e.sample("request_duration_seconds_bucket", float64(sum), "le", strconv.FormatFloat(classStart(class+1)/1000, 'g', -1, 64))
		}
	}
	e.sample("request_duration_seconds_bucket", float64(sum), "le", "+Inf")
	e.sample("request_duration_seconds_sum", seconds)
	e.sample("request_duration_seconds_count", float64(sum))
}

func (e *exposition) syncs(m *measured) {
	l := m.store.Syncs
	e.family("fsync_time_seconds", "histogram", "seconds to call fsync")
	for i, bound := range l.Bounds {
		e.sample("fsync_time_seconds_bucket", float64(l.Within[i]), "le", strconv.FormatFloat(bound, 'g', -1, 64))
	}
	e.sample("fsync_time_seconds_bucket", float64(l.Count), "le", "+Inf")
	e.sample("fsync_time_seconds_sum", l.Seconds)
	e.sample("fsync_time_seconds_count", float64(l.Count))
}

func (e *exposition) system(s system) {
	e.family("uptime_seconds", statCounter, "couchdb uptime")
	e.sample("uptime_seconds", s.uptime.Seconds())
	e.family("memory_bytes", statGauge, "bytes of memory that the program holds, by use")
	for _, use := range slices.Sorted(s.memory.uses()) {
		e.sample("memory_bytes", float64(s.memory[use]), "memory_type", use)
	}
	for _, one := range []struct {
		name  string
		kind  statKind
		help  string
		value int64
	}{
		{"goroutines", statGauge, "number of goroutines", s.goroutines},
		{"goroutines_runnable", statGauge, "number of goroutines that wait for a processor", s.runnable},
		{"processors", statGauge, "number of processors that the program may use at once", s.processors},
		{"gc_collections_total", statCounter, "number of garbage collections", s.collections},
		{"gc_freed_bytes_total", statCounter, "bytes that garbage collections freed", s.freed},
	} {
		e.family(one.name, one.kind, one.help)
		e.sample(one.name, float64(one.value))
	}
}

// sendAs answers with a whole body of another type than JSON.
func (c *call) sendAs(contentType []string, body []byte) {
	c.w.Header()["Content-Type"] = contentType
	c.set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(http.StatusOK)
	if !c.head() {
		_, _ = c.w.Write(body) // a client that is gone needs no answer
	}
}
