package views

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"settee/couch"
	"settee/views/js"
	"settee/views/mango"
)

// interpreter runs the JavaScript functions of one design document. It is safe for
// concurrent use; bytes handed to emit are valid during the call.
type interpreter interface {
	// Map runs every map function. One that fails emits nothing and is reported.
	Map(doc []byte, emit func(fn int, key, value []byte), failed func(fn int, err error))
	// Reduce runs one reduce function; nil keys make it a rereduce.
	Reduce(fn int, keys, values []byte) ([]byte, error)
}

// Native are twins in Go of some map functions. A document is handed to all of them
// together, so that they may share what they read of it.
type Native struct {
	// Twins are the numbers of the twins, by the function's exact source.
	Twins map[string]int
	// Map runs the twins of those numbers; n of an emit is which of them. It must emit the rows which the
	// functions emit and cannot fail. doc is the document's JSON with its _id and _rev; what is emitted is JSON and is copied.
	Map func(doc []byte, twins []int, emit func(n int, key, value []byte))
}

// functions are a design's functions made ready to run.
type functions struct {
	native  Native
	twins   []int       // of native, that run
	twinned []int       // the view of each of them
	scripts interpreter // nil where every map is native and no reduce is JavaScript
	numbers []int       // the view of each map function of scripts
	reduces []reducer   // by view; nil: none
}

func (d *design) functions(native Native, timeout time.Duration, log func(string), g *guard) (*functions, error) {
	if d.language == mango.Language {
		native = d.mappers()
	}
	f := &functions{native: native, reduces: make([]reducer, len(d.views))}
	source := js.Source{Lib: d.lib}
	for i, v := range d.views {
		if twin, ok := native.Twins[v.mapping]; ok {
			f.twins = append(f.twins, twin)
			f.twinned = append(f.twinned, i)
		} else {
			f.numbers = append(f.numbers, i)
			source.Maps = append(source.Maps, v.mapping)
		}
		switch {
		case v.reduce == "":
		case strings.HasPrefix(v.reduce, "_"):
			reduce, err := builtin(v.reduce, g)
			if err != nil {
				return nil, err
			}
			f.reduces[i] = reduce
		default:
			f.reduces[i] = scripted{f, len(source.Reduces), g}
			source.Reduces = append(source.Reduces, v.reduce)
		}
	}
	if len(source.Maps)+len(source.Reduces) == 0 {
		return f, nil
	}
	program, err := js.Compile(source, js.Limits{Time: timeout, Log: log})
	if err != nil {
		return nil, &couch.Error{Kind: couch.Compilation, Reason: err.Error()}
	}
	f.scripts = program
	return f, nil
}

// mapDoc runs all maps on a document.
func (f *functions) mapDoc(doc []byte, emit func(view int, key, value []byte), failed func(view int, err error)) {
	if len(f.twins) > 0 {
		f.native.Map(doc, f.twins, func(n int, key, value []byte) { emit(f.twinned[n], key, value) })
	}
	if len(f.numbers) > 0 {
		f.scripts.Map(doc,
			func(fn int, key, value []byte) { emit(f.numbers[fn], key, value) },
			func(fn int, err error) { failed(f.numbers[fn], err) })
	}
}

// scripted is a reduce function in JavaScript. One that throws gives null, as in CouchDB.
type scripted struct {
	*functions
	fn int
	*guard
}

func (s scripted) final(part []byte) []byte { return part }

func (s scripted) reduce(rows []entry) []byte {
	keys, values := []byte{'['}, []byte{'['}
	for i, r := range rows {
		if i > 0 {
			keys, values = append(keys, ','), append(values, ',')
		}
		id, _ := json.Marshal(string(r.id))
		keys = append(append(append(append(append(keys, '['), r.key...), ','), id...), ']')
		values = append(values, r.value...)
	}
	keys, values = append(keys, ']'), append(values, ']')
	out := s.run(keys, values)
	return s.shrinksLine(out, func() int {
		return len(`["reduce",[""],]`) + characters(keys) + characters(values) + 2*len(rows) - 1 // [[key,value],…]
	})
}

func (s scripted) merge(parts [][]byte) []byte {
	values := append(append([]byte{'['}, bytes.Join(parts, []byte{','})...), ']')
	return s.shrinksLine(s.run(nil, values), func() int { return len(`["rereduce",[""],]`) + characters(values) })
}

func (s scripted) run(keys, values []byte) []byte {
	out, err := s.scripts.Reduce(s.fn, keys, values)
	switch {
	case errors.Is(err, js.ErrStopped):
		return fail("os_process_error", err.Error())
	case err != nil:
		s.warn("reduce function failed", "error", err)
		return []byte("null")
	}
	return out
}
