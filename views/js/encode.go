package js

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/dop251/goja"

	"settee/couch/collate"
)

// maxDepth is how deep an emitted value may nest; a cycle ends here.
const maxDepth = collate.Depth - 1

var (
	objectType = reflect.TypeFor[*object]()
	arrayType  = reflect.TypeFor[*array]()
)

// appendJSON writes a value as JSON.stringify would, null for what has no JSON.
// It throws into the running function.
func (m *machine) appendJSON(dst []byte, v goja.Value, depth int) []byte {
	if depth > maxDepth {
		panic(m.NewTypeError("value is cyclic or nested too deep"))
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case *goja.Object:
		return m.appendObject(dst, v, depth)
	case goja.String:
		return appendString(dst, v.String())
	}
	switch x := v.Export().(type) {
	case int64:
		return strconv.AppendInt(dst, x, 10)
	case float64:
		return appendFloat(dst, x, v)
	case bool:
		return strconv.AppendBool(dst, x)
	case nil:
		return append(dst, "null"...)
	}
	panic(m.NewTypeError("value cannot be written as JSON"))
}

func appendFloat(dst []byte, f float64, v goja.Value) []byte {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0:
		return append(dst, '0')
	}
	return append(dst, v.String()...)
}

func (m *machine) appendObject(dst []byte, o *goja.Object, depth int) []byte {
	switch o.ExportType() {
	case objectType:
		return appendCompact(dst, o.Export().(*object).raw)
	case arrayType:
		return appendCompact(dst, o.Export().(*array).raw)
	case draftObjectType:
		return m.appendDraftObject(dst, o.Export().(*draftObject), depth)
	case draftArrayType:
		return m.appendDraftArray(dst, o.Export().(*draftArray), depth)
	}
	if f, ok := goja.AssertFunction(o.Get("toJSON")); ok {
		v, err := f(o, goja.Undefined())
		if err != nil {
			panic(err)
		}
		return m.appendJSON(dst, v, depth+1)
	}
	switch o.ClassName() {
	case "Function":
		return append(dst, "null"...)
	case "Array":
		return m.appendArray(dst, o, depth)
	case "Number":
		return m.appendJSON(dst, o.ToNumber(), depth+1)
	case "String":
		return appendString(dst, o.String())
	case "Boolean":
		return strconv.AppendBool(dst, o.Export() == true)
	}
	return m.appendMembers(dst, o, depth)
}

func (m *machine) appendArray(dst []byte, o *goja.Object, depth int) []byte {
	dst = append(dst, '[')
	n := o.Get("length").ToInteger()
	for i := int64(0); i < n; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = m.appendJSON(dst, o.Get(strconv.FormatInt(i, 10)), depth+1)
		m.bound(dst)
	}
	return append(dst, ']')
}

func (m *machine) appendMembers(dst []byte, o *goja.Object, depth int) []byte {
	dst = append(dst, '{')
	first := true
	for _, name := range o.Keys() {
		v := o.Get(name)
		if v == nil || goja.IsUndefined(v) {
			continue
		}
		if _, isFunction := goja.AssertFunction(v); isFunction {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendString(dst, name), ':')
		dst = m.appendJSON(dst, v, depth+1)
		m.bound(dst)
	}
	return append(dst, '}')
}

// bound stops a value that grows past the limit while it is written: a small
// object that holds itself many times writes exponentially much.
func (m *machine) bound(dst []byte) {
	if len(dst) > 2*m.program.limits.Output {
		panic(m.NewGoError(errOutput))
	}
}

func appendCompact(dst, raw []byte) []byte {
	b := bytes.NewBuffer(dst)
	if err := json.Compact(b, raw); err != nil {
		panic(err)
	}
	return b.Bytes()
}

const hex = "0123456789abcdef"

// appendString writes a JSON string the way CouchDB does: all but quotes,
// backslashes and control characters as they are.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(append(dst, s[start:i]...), '\\')
		switch c {
		case '"', '\\':
			dst = append(dst, c)
		case '\n':
			dst = append(dst, 'n')
		case '\r':
			dst = append(dst, 'r')
		case '\t':
			dst = append(dst, 't')
		default:
			dst = append(dst, 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}
