package views

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"settee/couch"
	"settee/views/js"
)

// interpreter runs the JavaScript functions of one design document. It is safe for
// concurrent use; bytes handed to emit are valid during the call.
type interpreter interface {
	// Map runs every map function. One that fails emits nothing and is reported.
	Map(doc []byte, emit func(fn int, key, value []byte), failed func(fn int, err error))
	// Reduce runs one reduce function; nil keys make it a rereduce.
	Reduce(fn int, keys, values []byte) ([]byte, error)
}

// NativeMap is the Go twin of a map function: it must emit the same rows. doc is
// the document's JSON with its _id and _rev. The emitted bytes are JSON and are copied.
type NativeMap func(doc []byte, emit func(key, value []byte)) error

// functions are a design's functions made ready to run.
type functions struct {
	native  []nativeView
	scripts interpreter // nil where every map is native and no reduce is JavaScript
	numbers []int       // the view of each map function of scripts
	reduces []reducer   // by view; nil: none
}

type nativeView struct {
	view int
	run  NativeMap
}

func (d *design) functions(native map[string]NativeMap, timeout time.Duration, log func(string)) (*functions, error) {
	f := &functions{reduces: make([]reducer, len(d.views))}
	source := js.Source{Lib: d.lib}
	if d.lib != nil && d.lib[0] != '{' {
		source.Lib = nil
	}
	for i, v := range d.views {
		if run := native[v.mapping]; run != nil {
			f.native = append(f.native, nativeView{i, run})
		} else {
			f.numbers = append(f.numbers, i)
			source.Maps = append(source.Maps, v.mapping)
		}
		switch {
		case v.reduce == "":
		case strings.HasPrefix(v.reduce, "_"):
			if f.reduces[i] = builtin[v.reduce]; f.reduces[i] == nil {
				return nil, invalid("`%s` is not a supported reduce function.", v.reduce)
			}
		default:
			f.reduces[i] = scripted{f, len(source.Reduces)}
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
	for _, n := range f.native {
		var rows [][2][]byte
		err := n.run(doc, func(k, v []byte) { rows = append(rows, [2][]byte{bytes.Clone(k), bytes.Clone(v)}) })
		if err != nil {
			failed(n.view, err)
			continue
		}
		for _, r := range rows {
			emit(n.view, r[0], r[1])
		}
	}
	if len(f.numbers) > 0 {
		f.scripts.Map(doc,
			func(fn int, key, value []byte) { emit(f.numbers[fn], key, value) },
			func(fn int, err error) { failed(f.numbers[fn], err) })
	}
}

// scripted is a reduce function in JavaScript.
type scripted struct {
	*functions
	fn int
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
	return s.run(append(keys, ']'), append(values, ']'))
}

func (s scripted) merge(parts [][]byte) []byte {
	return s.run(nil, append(append([]byte{'['}, bytes.Join(parts, []byte{','})...), ']'))
}

func (s scripted) run(keys, values []byte) []byte {
	out, err := s.scripts.Reduce(s.fn, keys, values)
	if err != nil {
		return fail("reduce_runtime_error", err.Error())
	}
	return out
}
