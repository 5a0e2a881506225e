package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-kivik/kivik/v4"
)

// Fault is what can be wrong; the package's doc says when.
type Fault string

// The faults.
const (
	Altered Fault = "altered"
	Missing Fault = "missing"
	Broken  Fault = "broken"
	Cut     Fault = "cut"
	Foreign Fault = "foreign"
	Index   Fault = "index"
)

// Problem is one fault: where, and what in words.
type Problem struct {
	Fault Fault
	ID    string
	Text  string
}

// Report is what Verify read, and what it found.
type Report struct {
	Chains, Entries, Records int64
	Problems                 int64
	Heads                    []Head // of all chains, sorted
}

// Head is a chain's last entry. Kept elsewhere it proves all before.
type Head struct {
	Chain  string
	Number int64
	Hash   string
}

// String is the form that ParseHead reads: CHAIN:NUMBER=HASH.
func (h Head) String() string { return entryID(h.Chain, h.Number) + "=" + h.Hash }

// ParseHead reads CHAIN:NUMBER=HASH.
func ParseHead(s string) (Head, error) {
	id, hash, _ := strings.Cut(s, "=")
	chain, number, ok := parseID(id)
	if !ok || !(head{number, hash}).whole() {
		return Head{}, fmt.Errorf("%q is no head: want CHAIN:NUMBER=HASH, as the server's log and audit verify have it", s)
	}
	return Head{chain, number, hash}, nil
}

// VerifyOptions of Verify. The zero value works.
type VerifyOptions struct {
	Heads    []Head                  // that were kept elsewhere
	Found    func(Problem)           // is told of each problem when it is found
	Progress func(done, total int64) // of documents
}

// pageSize is how many documents are read at once: a megabyte.
const pageSize = 1000

// Verify reads the whole log and proves it. An error says that it could not be read.
func Verify(ctx context.Context, db *kivik.DB, o VerifyOptions) (Report, error) {
	v := &verifier{db: db, o: o, proved: map[string]head{}}
	if v.o.Found == nil {
		v.o.Found = func(Problem) {}
	}
	if v.o.Progress == nil {
		v.o.Progress = func(int64, int64) {}
	}
	if err := v.run(ctx); err != nil {
		return v.report, fmt.Errorf("audit: verify: %w", err)
	}
	return v.report, nil
}

type verifier struct {
	db     *kivik.DB
	o      VerifyOptions
	report Report

	chain  string // that is being read
	last   head   // its last entry so far
	proved map[string]head
	claims []claim
}

// claim is a head that somebody names.
type claim struct {
	by string
	Head
}

func (v *verifier) found(f Fault, id, format string, args ...any) {
	v.report.Problems++
	v.o.Found(Problem{f, id, fmt.Sprintf(format, args...)})
}

func (v *verifier) run(ctx context.Context) error {
	stats, err := v.db.Stats(ctx)
	if err != nil {
		return err
	}
	if sum, rev, err := readDesign(ctx, v.db); err != nil {
		return err
	} else if rev != "" && sum != design().sum() {
		v.found(Index, designID, "the index is not the one of this settee: what audit list finds may not be all; starting settee renews it")
	}
	var done int64
	for from := ""; ; {
		n := 0
		from, n, err = v.page(ctx, from)
		if err != nil {
			return err
		}
		if err := v.settle(ctx); err != nil {
			return err
		}
		done += int64(n)
		v.o.Progress(done, max(done, stats.DocCount))
		if n == 0 {
			break
		}
	}
	v.end()
	for _, h := range v.o.Heads {
		v.claims = append(v.claims, claim{"the head that was given", h})
	}
	return v.settle(ctx)
}

// page verifies the documents after an id, and returns the last one's.
func (v *verifier) page(ctx context.Context, after string) (last string, n int, err error) {
	params := map[string]any{"include_docs": true, "conflicts": true, "limit": pageSize}
	if after != "" {
		params["startkey"] = after + "\x00"
	}
	rows := v.db.AllDocs(ctx, kivik.Params(params))
	defer rows.Close()
	last = after
	for rows.Next() {
		id, err := rows.ID()
		if err != nil {
			return "", 0, err
		}
		var raw json.RawMessage
		if err := rows.ScanDoc(&raw); err != nil {
			return "", 0, err
		}
		v.document(id, raw)
		last = id
		n++
	}
	return last, n, rows.Err()
}

// document verifies one document.
func (v *verifier) document(id string, raw []byte) {
	if id == designID {
		return
	}
	if _, _, ok := cutRecord(id); ok {
		v.report.Records++
		return
	}
	chain, number, ok := parseID(id)
	if !ok {
		v.found(Foreign, id, "it is no entry of the log")
		return
	}
	if chain != v.chain {
		v.end()
		v.chain, v.last = chain, head{}
		v.report.Chains++
	}
	v.report.Entries++
	v.follow(id, number)
	o, err := parse(raw)
	if err != nil {
		v.found(Altered, id, "it is not as it was written: %v", err)
		v.last = head{number, ""}
		return
	}
	v.own(id, o)
	if previous, _ := o["previous"].(string); v.last.number == number-1 && (v.last.hash != "" || number == 1) && previous != v.last.hash {
		v.found(Broken, id, "it does not follow %s: one of them was exchanged", entryID(chain, number-1))
	}
	v.last = head{number, o.sum()}
	for name, h := range entryOf(id, o).heads {
		v.claims = append(v.claims, claim{id, Head{name, h.number, h.hash}})
	}
}

// follow looks for numbers that are not there.
func (v *verifier) follow(id string, number int64) {
	switch gap := number - v.last.number - 1; {
	case gap == 1:
		v.found(Missing, entryID(v.chain, number-1), "the entry is missing")
	case gap > 1:
		v.found(Missing, entryID(v.chain, v.last.number+1), "%d entries are missing, up to %s", gap, entryID(v.chain, number-1))
	}
}

// own verifies what a document says of itself.
func (v *verifier) own(id string, o object) {
	rev, _ := o["_rev"].(string)
	hash, _ := o["hash"].(string)
	switch {
	case o["_id"] != id || hash != o.sum():
		v.found(Altered, id, "its content does not have its hash")
	case !strings.HasPrefix(rev, "1-"):
		v.found(Altered, id, "it was written again: revision %s", rev)
	}
}

// end is the end of a chain.
func (v *verifier) end() {
	if v.chain != "" {
		v.report.Heads = append(v.report.Heads, Head{v.chain, v.last.number, v.last.hash})
	}
}

// settle looks for the entries that heads name; each is asked for once.
func (v *verifier) settle(ctx context.Context) error {
	wanted := map[string][]claim{}
	for _, c := range v.claims {
		if v.proved[c.Chain] != (head{c.Number, c.Hash}) {
			id := entryID(c.Chain, c.Number)
			wanted[id] = append(wanted[id], c)
		}
	}
	v.claims = v.claims[:0]
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(wanted)), pageSize) {
		err := readKeys(ctx, v.db, ids, func(id string, o object) {
			for _, c := range wanted[id] {
				v.claim(id, o, c)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) claim(id string, o object, c claim) {
	hash, _ := o["hash"].(string)
	switch {
	case o == nil:
		v.found(Cut, id, "the entry is gone that %s names", c.by)
	case hash != c.Hash:
		v.found(Cut, id, "it is another than the one that %s names", c.by)
	default:
		v.proved[c.Chain] = head{c.Number, c.Hash}
	}
}
