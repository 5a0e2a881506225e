package httpd_test

import (
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// statOf reads one figure of _stats.
func statOf(t testing.TB, h *house, path string) float64 {
	t.Helper()
	status, _, body := do(t, h.base, "", "GET", "/_node/_local/_stats/"+path, "", "")
	require.Equal(t, 200, status)
	var one struct{ Value float64 }
	require.NoError(t, json.Unmarshal([]byte(body), &one), body)
	return one.Value
}

func TestStats(t *testing.T) {
	h := start(t, httpd.Options{})
	paths := map[string]float64{ // what the requests below add
		"couchdb/database_reads": 2, "couchdb/document_writes": 3, "couchdb/document_inserts": 3, "couchdb/database_writes": 2,
		"couchdb/local_document_writes": 0, "couchdb/httpd/bulk_requests": 1, "couchdb/httpd/view_reads": 0, "couchdb/httpd/partition_all_docs_requests": 1,
		"couchdb/httpd_request_methods/PUT": 1, "couchdb/httpd_request_methods/POST": 1, "couchdb/httpd_request_methods/COPY": 0,
		"couchdb/httpd_status_codes/201": 2, "couchdb/httpd_status_codes/409": 0, "couchdb/httpd_status_codes/404": 1,
	}
	status, _, _ := do(t, h.base, "", "PUT", "/db", "", "")
	require.Equal(t, 201, status)
	status, _, _ = do(t, h.base, "", "PUT", "/parts?partitioned=true", "", "")
	require.Equal(t, 201, status)
	before := map[string]float64{}
	for p := range paths {
		before[p] = statOf(t, h, p)
	}
	do(t, h.base, "", "PUT", "/db/a", "", "{}")
	do(t, h.base, "", "POST", "/db/_bulk_docs", "", `{"docs":[{"_id":"b"},{"_id":"c"}]}`)
	do(t, h.base, "", "GET", "/db/a", "", "")
	do(t, h.base, "", "GET", "/db/b", "", "")
	do(t, h.base, "", "GET", "/db/none", "", "")
	do(t, h.base, "", "GET", "/parts/_partition/p/_all_docs", "", "")
	for p, added := range paths {
		require.Equal(t, added, statOf(t, h, p)-before[p], p)
	}
	require.Positive(t, statOf(t, h, "fsync/count"))
	if runtime.GOOS == "linux" {
		require.Greater(t, statOf(t, h, "couchdb/open_os_files"), 3.0)
	}

	_, _, body := do(t, h.base, "", "GET", "/_node/_local/_stats/couchdb/request_time", "", "")
	var times struct {
		Type  string
		Value struct {
			N                                 float64
			Min, Max, Median, Arithmetic_mean float64
			Percentile                        [][2]float64
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &times), body)
	require.Equal(t, "histogram", times.Type)
	require.Greater(t, times.Value.N, 10.0)
	require.LessOrEqual(t, times.Value.Min, times.Value.Median)
	require.LessOrEqual(t, times.Value.Median, times.Value.Max)
	require.Len(t, times.Value.Percentile, 6)
}

// A feed counts as long as it is open.
func TestStatsFeeds(t *testing.T) {
	h := start(t, httpd.Options{})
	do(t, h.base, "", "PUT", "/db", "", "")
	open := func() float64 { return statOf(t, h, "couchdb/httpd/clients_requesting_changes") }
	require.Zero(t, open())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", h.address+"/db/_changes?feed=continuous&heartbeat=1000", nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	require.EqualValues(t, 1, open())
	cancel()
	require.Eventually(t, func() bool { return open() == 0 }, 10*time.Second, 10*time.Millisecond)
}

// Prometheus' own parser reads what it would scrape, and figures only grow.
func TestPrometheus(t *testing.T) {
	h := start(t, httpd.Options{})
	scrape := func() map[string]*dto.MetricFamily {
		status, header, body := do(t, h.base, "", "GET", "/_node/_local/_prometheus", "", "")
		require.Equal(t, 200, status)
		require.Equal(t, "text/plain; version=2.0", header.Get("Content-Type"))
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(body))
		require.NoError(t, err)
		return families
	}
	before := scrape()
	do(t, h.base, "", "PUT", "/db", "", "")
	do(t, h.base, "", "PUT", "/db/a", "", "{}")
	after := scrape()
	require.Len(t, after, len(before))
	require.Equal(t, 1.0, after["couchdb_document_writes_total"].Metric[0].Counter.GetValue()-before["couchdb_document_writes_total"].Metric[0].Counter.GetValue())
	for name, family := range after {
		require.True(t, strings.HasPrefix(name, "couchdb_"), name)
		require.NotEmpty(t, family.GetHelp(), name)
		for i, m := range family.Metric {
			if c := m.GetCounter(); c != nil && len(before[name].Metric) > i {
				require.GreaterOrEqual(t, c.GetValue(), before[name].Metric[i].Counter.GetValue(), name)
			}
			if g := m.GetHistogram(); g != nil {
				last := uint64(0)
				for _, b := range g.Bucket {
					require.GreaterOrEqual(t, b.GetCumulativeCount(), last, name)
					last = b.GetCumulativeCount()
				}
				require.Equal(t, g.GetSampleCount(), last, name)
			}
		}
	}
	for _, name := range []string{"couchdb_httpd_status_codes", "couchdb_httpd_request_methods", "couchdb_request_time_seconds", "couchdb_fsync_time_seconds", "couchdb_memory_bytes", "couchdb_uptime_seconds"} {
		require.Contains(t, after, name)
	}
}
