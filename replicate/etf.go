package replicate

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strings"
)

// terms are Erlang terms in the external format, of minor version 1 as CouchDB writes them for its ids.
type terms []byte

// Tags of the external format.
const (
	tagFloat  = 'F'
	tagByte   = 'a'
	tagInt    = 'b'
	tagAtom   = 'd'
	tagTuple  = 'h'
	tagNil    = 'j'
	tagString = 'k'
	tagList   = 'l'
	tagBinary = 'm'
	tagBig    = 'n'
)

func (t *terms) atom(s string) {
	*t = binary.BigEndian.AppendUint16(append(*t, tagAtom), uint16(len(s)))
	*t = append(*t, s...)
}

func (t *terms) binary(s string) {
	*t = binary.BigEndian.AppendUint32(append(*t, tagBinary), uint32(len(s)))
	*t = append(*t, s...)
}

// charlist is text as Erlang's strings are: a list of bytes.
func (t *terms) charlist(s string) {
	if s == "" {
		*t = append(*t, tagNil)
		return
	}
	*t = binary.BigEndian.AppendUint16(append(*t, tagString), uint16(len(s)))
	*t = append(*t, s...)
}

func (t *terms) tuple(n int) { *t = append(*t, tagTuple, byte(n)) }

// list writes n elements, which each writes.
func (t *terms) list(n int, each func(i int)) {
	if n > 0 {
		*t = binary.BigEndian.AppendUint32(append(*t, tagList), uint32(n))
		for i := range n {
			each(i)
		}
	}
	*t = append(*t, tagNil)
}

func (t *terms) integer(n int64) {
	switch {
	case n >= 0 && n < 256:
		*t = append(*t, tagByte, byte(n))
	case n >= math.MinInt32 && n <= math.MaxInt32:
		*t = binary.BigEndian.AppendUint32(append(*t, tagInt), uint32(int32(n)))
	default:
		t.big(big.NewInt(n))
	}
}

func (t *terms) big(n *big.Int) {
	little := n.Bytes()
	slices.Reverse(little)
	sign := byte(0)
	if n.Sign() < 0 {
		sign = 1
	}
	*t = append(append(*t, tagBig, byte(len(little)), sign), little...)
}

// json writes JSON as CouchDB has it in memory, the members of objects ordered by their names.
func (t *terms) json(raw json.RawMessage) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return err
	}
	t.value(v)
	return nil
}

func (t *terms) value(v any) {
	switch v := v.(type) {
	case nil:
		t.atom("null")
	case bool:
		t.atom(map[bool]string{true: "true", false: "false"}[v])
	case string:
		t.binary(v)
	case json.Number:
		t.number(v)
	case []any:
		t.values(v)
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		t.tuple(1)
		t.list(len(keys), func(i int) { t.tuple(2); t.binary(keys[i]); t.value(v[keys[i]]) })
	}
}

// values writes a list; one of nothing but bytes is a string to Erlang.
func (t *terms) values(v []any) {
	text := make([]byte, 0, len(v))
	for _, e := range v {
		if n, ok := e.(json.Number); ok {
			if i, err := n.Int64(); err == nil && i >= 0 && i < 256 {
				text = append(text, byte(i))
			}
		}
	}
	if len(v) > 0 && len(text) == len(v) && len(v) <= math.MaxUint16 {
		t.charlist(string(text))
		return
	}
	t.list(len(v), func(i int) { t.value(v[i]) })
}

func (t *terms) number(n json.Number) {
	if i, err := n.Int64(); err == nil {
		t.integer(i)
		return
	}
	if i, ok := new(big.Int).SetString(string(n), 10); ok && !strings.ContainsAny(string(n), ".eE") && len(i.Bytes()) < 256 {
		t.big(i)
		return
	}
	f, _ := n.Float64()
	*t = binary.BigEndian.AppendUint64(append(*t, tagFloat), math.Float64bits(f))
}
