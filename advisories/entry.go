package advisories

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"strings"
)

// Advisory is a flaw of a package's versions, as far as it is known.
type Advisory struct {
	ID         string // the OSV id of the record that it is told by
	Number     int64  // made of ID; below 2^53
	Aliases    []string
	Package    string
	Title      string
	URL        string
	Severity   Severity
	Score      float64 // of CVSS; 0 where Vector is ""
	Vector     string
	CWE        []string
	Vulnerable string // npm ranges
	Patched    string
}

// entry is what the index keeps of one record for one package. All its strings are one, since there are
// hundred thousands: see fields.
type entry struct {
	text     string
	tenths   uint8 // of CVSS's score
	severity Severity
	rank     rank
	flaw     uint32 // entries of one package that have the same are one advisory
}

// rank says whose ranges count among the records of one flaw: the lowest.
type rank uint8

const (
	reviewed rank = iota // by GitHub, for npm
	other
)

// fields are what an entry's text holds, in this order, with separators between.
type fields struct {
	id, title, url, vector, cwe, aliases, vulnerable, patched string
}

// separator is in none of them: control characters are left out of titles, and refused or impossible elsewhere.
const separator = "\x1f"

func (f fields) join() string {
	return strings.Join([]string{f.id, f.title, f.url, f.vector, f.cwe, f.aliases, f.vulnerable, f.patched}, separator)
}

func (e entry) fields() (f fields) {
	rest := e.text
	for _, to := range []*string{&f.id, &f.title, &f.url, &f.vector, &f.cwe, &f.aliases, &f.vulnerable} {
		*to, rest, _ = strings.Cut(rest, separator)
	}
	f.patched = rest
	return f
}

// Bounds of what an entry keeps of lists.
const (
	mostCWEs    = 16
	mostAliases = 32
)

// entryOf is what the index keeps of a record for a package; none where it says nothing of it.
func entryOf(r *record, name string) (e entry, ok bool) {
	all, err := r.affects(name)
	if err != nil || len(all) == 0 || r.withdrawn() {
		return e, false
	}
	severity, score, vector := r.judged(name)
	e = entry{tenths: uint8(math.Round(score * 10)), severity: severity, rank: other}
	if r.github() {
		e.rank = reviewed
	}
	e.text = fields{
		id: r.ID, title: r.title(), url: r.url(), vector: vector,
		cwe: words(r.Specific.CWEs, mostCWEs), aliases: words(r.Aliases, mostAliases),
		vulnerable: all.String(), patched: all.patched(),
	}.join()
	return e, true
}

// words joins ids, leaving out what is none.
func words(list []string, most int) string {
	var kept []string
	for _, s := range list {
		if recordID.MatchString(s) && len(kept) < most {
			kept = append(kept, s)
		}
	}
	return strings.Join(kept, " ")
}

// joined gives the entries of one flaw the same number, and sorts: the flaws apart, and those
// first whose ranges count. It changes the list.
func joined(list []entry) {
	if len(list) < 2 {
		return
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.text, b.text)) })
	owner := map[string]int{} // of each id, the first entry that has it
	of := make([]int, len(list))
	root := func(i int) int {
		for of[i] != i {
			i = of[i]
		}
		return i
	}
	for i := range list {
		of[i] = i
		f := list[i].fields()
		for id := range strings.FieldsSeq(f.id + " " + f.aliases) {
			first, known := owner[id]
			if !known {
				owner[id] = i
				continue
			}
			a, b := root(first), root(i)
			of[max(a, b)] = min(a, b)
		}
	}
	for i := range list {
		list[i].flaw = uint32(root(i))
	}
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.flaw, b.flaw) })
}

// told makes an advisory of the entries of one flaw, which count alike.
func told(name string, list []entry) Advisory {
	f := list[0].fields()
	a := Advisory{
		ID: f.id, Number: number(f.id), Package: name, Title: f.title, URL: f.url,
		Severity: list[0].severity, Score: float64(list[0].tenths) / 10, Vector: f.vector,
		CWE: strings.Fields(f.cwe), Aliases: strings.Fields(f.aliases), Vulnerable: f.vulnerable, Patched: f.patched,
	}
	if len(list) == 1 {
		return a
	}
	var all []interval
	for _, e := range list {
		f := e.fields()
		some, _ := parseRange(f.vulnerable) // as it was written by String
		all = append(all, some...)
		a.Aliases = append(a.Aliases, f.id)
		a.Aliases = append(a.Aliases, strings.Fields(f.aliases)...)
	}
	slices.Sort(a.Aliases)
	a.Aliases = slices.DeleteFunc(slices.Compact(a.Aliases), func(s string) bool { return s == a.ID })
	both := union(all)
	a.Vulnerable, a.Patched = both.String(), both.patched()
	return a
}

// number is an integer for an id: the same in every region and after every restart, exact in JavaScript.
func number(id string) int64 {
	sum := sha256.Sum256([]byte(id))
	return int64(binary.BigEndian.Uint64(sum[:])>>11) | 1 // never 0, which clients take for none
}
