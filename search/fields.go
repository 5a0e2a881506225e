package search

import (
	"strconv"
	"strings"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/registry"
	index "github.com/blevesearch/bleve_index_api"
)

// The options of fields. What is indexed has no frequencies: see the package doc, Queries.
const (
	postings = index.IndexField | index.SkipFreqNorm
	values   = postings | index.DocValues
	stored   = index.StoreField
)

// lines makes each line a term.
type lines struct{}

// Analyze implements analysis.Analyzer.
func (lines) Analyze(text []byte) (stream analysis.TokenStream) {
	for i, from := 0, 0; i <= len(text); i++ {
		if i == len(text) || text[i] == '\n' {
			if i > from {
				stream = append(stream, &analysis.Token{Term: text[from:i], Start: from, End: i, Position: len(stream) + 1})
			}
			from = i + 1
		}
	}
	return stream
}

// english makes words in lower case, without stop words, stemmed.
var english = func() analysis.Analyzer {
	a, err := registry.NewCache().AnalyzerNamed(en.AnalyzerName)
	if err != nil {
		panic(err) // bleve has it built in
	}
	return a
}()

// stems are a text's terms in the fields t and w.
func stems(text string) (list []string) {
	for _, token := range english.Analyze([]byte(text)) {
		list = append(list, string(token.Term))
	}
	return list
}

// record is a package as bleve takes it.
func record(source int, p Package) *document.Document {
	doc := document.NewDocument(key(source, p.Name))
	add := func(field string, o index.FieldIndexingOptions, terms ...string) {
		if text := joined(terms); text != "" {
			doc.AddField(document.NewTextFieldCustom(field, nil, []byte(text), o, lines{}))
		}
	}
	lower := strings.ToLower(p.Name)
	add("n", postings, lower, "="+squash(p.Name), "="+squash(base(p.Name)))
	words := parts(p.Name)
	add("p", postings, words...)
	for _, part := range words {
		add("g", postings, beginnings(part)...)
	}
	for _, keyword := range p.Keywords {
		add("k", postings, strings.ToLower(strings.TrimSpace(keyword)))
		add("w", postings, stems(keyword)...)
	}
	add("t", postings, stems(p.Description)...)
	add("a", postings, people(p.Author)...)
	for i := range p.Maintainers {
		add("m", postings, people(&p.Maintainers[i])...)
	}
	add("s", postings, scope(p.Name))
	add("f", postings, append(p.flags(), "all", "db:"+strconv.Itoa(source))...)
	if !p.Restricted {
		add("d", postings, p.Dependencies...)
	} else {
		add("r", values, strings.Join(append([]string{p.Name}, usernames(p.Maintainers)...), "\x01"))
	}
	add("v", values, signalsOf(source, p, len(words)).encode())
	doc.AddField(document.NewTextFieldWithIndexingOptions("j", nil, p.encode(), stored))
	return doc
}

// key is the id of a package in the index.
func key(source int, name string) string { return strconv.Itoa(source) + "/" + name }

// joined are terms as lines takes them, each once.
func joined(terms []string) string {
	var text strings.Builder
	seen := make(map[string]bool, len(terms))
	for _, t := range terms {
		t = strings.Map(func(r rune) rune {
			if r == '\n' {
				return ' '
			}
			return r
		}, t)
		if t == "" || seen[t] || t == "=" {
			continue
		}
		seen[t] = true
		text.WriteString(t)
		text.WriteByte('\n')
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// people are the terms by which somebody is found.
func people(p *Person) (list []string) {
	if p == nil {
		return nil
	}
	name := strings.ToLower(strings.TrimSpace(p.Name))
	list = append(list, name, strings.ToLower(p.Username), strings.ToLower(p.Email))
	return append(list, strings.FieldsFunc(name, punctuation)...)
}

func usernames(list []Person) (names []string) {
	for _, p := range list {
		names = append(names, p.Username)
	}
	return names
}
