package httpd_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/couch/httpd"
	"settee/fixtures"
)

// After some five hundred CouchDB compacts the database by itself, and old revisions are missing there.
var differSteps = flag.Int("differ", 400, "how many random requests two servers answer")

// rivals are two servers that should answer alike, ours and the one of -couch, or else
// two of ours whose stores are not alike; and the seed of what they are asked.
func rivals(t *testing.T) (seed uint64, ours, theirs *url.URL) {
	seed = fixtures.Seed(t)
	ours, err := url.Parse(own(t))
	require.NoError(t, err)
	theirs, err = url.Parse(*couchURL)
	require.NoError(t, err)
	if *couchURL == "" {
		theirs = startOn(t, couch.Options{InlineLimit: 1, CacheSize: 1 << 16}, httpd.Options{}).base
	}
	return seed, ours, theirs
}

// TestDiffer sends random requests to two servers and compares the answers.
func TestDiffer(t *testing.T) {
	seed, ours, theirs := rivals(t)
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), known: map[string][]string{}, paths: map[string][]string{}}
	db := fmt.Sprintf("/differ_%d", seed)
	limit := g.pick("1000", "1000", "2", "3")
	g.stems = limit != "1000"
	for _, base := range []*url.URL{ours, theirs} {
		do(t, base, "", "DELETE", db, "", "")
		status, _, body := do(t, base, "", "PUT", db+"?q=1", "", "")
		require.Equal(t, 201, status, body)
		status, _, body = do(t, base, "", "PUT", db+"/_revs_limit", "", limit)
		require.Equal(t, 200, status, body)
		defer do(t, base, "", "DELETE", db, "", "")
	}
	for i := range *differSteps {
		r := g.request()
		path := strings.ReplaceAll(db+r.path, `"`, "%22")
		status, header, body := do(t, ours, "", r.method, path, r.header, r.body)
		status2, header2, body2 := do(t, theirs, "", r.method, path, r.header, r.body)
		said := fmt.Sprintf("seed=%d, request %d: %s %s\n%s\n%s\n ours %s\nother %s", seed, i, r.method, r.path, r.header, r.body, body, body2)
		if testing.Verbose() {
			t.Log(said)
		}
		require.Equal(t, status2, status, said)
		require.Equal(t, r.plain(body2), r.plain(body), said)
		if !strings.Contains(r.path, "_local/") && !strings.HasPrefix(r.path, "/_changes") {
			require.Equal(t, header2.Get("Etag"), header.Get("Etag"), said)
		}
		g.learn(body)
	}
}

// A request is one random request.
type request struct {
	method, path, header, body string
	unordered                  bool // neither members nor elements of the answer have an order
}

var masks = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`"(seq|last_seq|update_seq|purge_seq)":"[^"]*"`), `"$1":"…"`},
	{regexp.MustCompile(`"revpos":\d+`), `"revpos":0`}, // a copy's attachments are new here, and old in CouchDB
	{regexp.MustCompile(`"_local_seq":"?[^,}"]*"?`), `"_local_seq":0`},
}

// plain is an answer without what need not be alike: sequences and spellings
// of numbers and strings.
func (r *request) plain(body string) string {
	for _, m := range masks {
		body = m.what.ReplaceAllString(body, m.with)
	}
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	plain, err := value(d, r.unordered)
	if err != nil {
		return body
	}
	return plain
}

// value spells the next value of a decoder in one way.
func value(d *json.Decoder, unordered bool) (string, error) {
	token, err := d.Token()
	if err != nil {
		return "", err
	}
	switch token := token.(type) {
	case json.Delim:
		return inside(d, token, unordered)
	case json.Number:
		return number(string(token)), nil
	}
	text, err := json.Marshal(token)
	return string(text), err
}

func inside(d *json.Decoder, open json.Delim, unordered bool) (string, error) {
	var items []string
	for d.More() {
		item := ""
		if open == '{' {
			name, err := value(d, unordered)
			if err != nil {
				return "", err
			}
			item = name + ":"
		}
		v, err := value(d, unordered)
		if err != nil {
			return "", err
		}
		items = append(items, item+v)
	}
	if unordered {
		slices.Sort(items)
	}
	closing, err := d.Token()
	return open.String() + strings.Join(items, ",\n") + fmt.Sprint(closing), err
}

// number spells a number: floats apart from integers, and minus nought as nought.
func number(s string) string {
	if !strings.ContainsAny(s, ".eE") {
		n, _ := new(big.Int).SetString(s, 10)
		return n.String()
	}
	f, _ := strconv.ParseFloat(s, 64)
	return "f" + strconv.FormatFloat(f+0, 'g', -1, 64)
}

// learn keeps the revisions that an answer tells.
func (g *generator) learn(body string) {
	for _, m := range toldRevs.FindAllStringSubmatch(body, -1) {
		var id string
		if json.Unmarshal([]byte(m[1]), &id) == nil {
			g.know(id, m[2])
		}
	}
}

var toldRevs = regexp.MustCompile(`"_?id":("(?:[^"\\]|\\.)*"),"_?rev":"(\d+-[^"]+)"`)

func (g *generator) know(id, rev string) {
	if !slices.Contains(g.known[id], rev) {
		g.known[id] = append(g.known[id], rev)
	}
}

// text is a value as JSON, without HTML's escapes.
func text(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return strings.TrimSpace(b.String())
}
