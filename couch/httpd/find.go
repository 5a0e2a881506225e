package httpd

import (
	"net/http"
	"strconv"
	"time"

	"settee/views"
)

// searched is the partition that a search is of: of the path, or else of the query.
func (c *call) searched() (string, error) {
	if _, inPath := c.vars["partition"]; !inPath {
		return c.query["partition"], nil
	}
	return c.partition()
}

// search is POST /{db}/_find, of one partition too.
func (c *call) search() error {
	partition, body, err := c.searchRequest()
	if err != nil {
		return err
	}
	found, err := c.s.views.Find(c.ctx(), c.db, body, partition)
	if err != nil {
		return err
	}
	defer found.Close()
	out := c.stream()
	defer out.release()
	out.start("application/json")
	return out.send(func() error { return out.found(found) })
}

func (c *call) searchRequest() (partition string, body []byte, err error) {
	if partition, err = c.searched(); err == nil {
		body, err = c.object()
	}
	return partition, body, err
}

// found writes what a search finds.
func (s *stream) found(found *views.Found) error {
	s.buf = append(s.buf, `{"docs":[`...)
	for sep := "\r\n"; found.Next(); sep = rowNext {
		s.buf = append(append(s.buf, sep...), found.Doc()...)
		if s.spill() != nil {
			return nil // the client is gone
		}
	}
	if err := found.Err(); err != nil {
		return err
	}
	s.buf = append(s.buf, "\r\n]"...)
	if bookmark, ok := found.Bookmark(); ok {
		s.buf = appendString(append(s.buf, ",\r\n\"bookmark\": "...), bookmark)
	}
	if stats, wanted := found.Stats(); wanted {
		s.buf = appendFindStats(append(s.buf, ",\r\n\"execution_stats\": "...), stats)
	}
	if warning := found.Warning(); warning != "" {
		s.buf = appendString(append(s.buf, ",\r\n\"warning\": "...), warning)
	}
	s.buf = append(s.buf, "}\r\n\n"...)
	return nil
}

func appendFindStats(dst []byte, f views.FindStats) []byte {
	for i, n := range []struct {
		name  string
		value int64
	}{{"total_keys_examined", f.Keys}, {"total_docs_examined", f.Docs}, {"total_quorum_docs_examined", f.QuorumDocs}, {"results_returned", f.Results}} {
		dst = append(dst, "{,"[min(i, 1)])
		dst = append(appendString(dst, n.name), ':')
		dst = strconv.AppendInt(dst, n.value, 10)
	}
	dst = append(dst, `,"execution_time_ms":`...)
	dst = strconv.AppendFloat(dst, float64(f.Elapsed)/float64(time.Millisecond), 'f', 3, 64)
	return append(dst, '}')
}

// explainFind is POST /{db}/_explain, of one partition too.
func (c *call) explainFind() error {
	partition, body, err := c.searchRequest()
	if err != nil {
		return err
	}
	answer, err := c.s.views.Explain(c.ctx(), c.db, body, partition)
	if err != nil {
		return err
	}
	c.send(http.StatusOK, append(answer, '\n'))
	return nil
}
