package views

import "settee/views/mango"

// speaks reports whether an index can be made of views in a language: JavaScript, or a
// Mango index's list of fields.
func speaks(language string) bool { return language == javascript || language == mango.Language }

// mappers are the maps of a Mango design document, which has no JavaScript.
func (d *design) mappers() Native {
	native := Native{Twins: map[string]int{}}
	mappers := make([]*mango.Mapper, len(d.views))
	for i, v := range d.views {
		native.Twins[v.mapping] = i
		mappers[i] = mango.NewMapper([]byte(v.mapping))
	}
	native.Map = func(doc []byte, twins []int, emit func(n int, key, value []byte)) {
		var key []byte
		for n, twin := range twins {
			var ok bool
			if key, ok = mappers[twin].AppendKey(key[:0], doc); ok {
				emit(n, key, null)
			}
		}
	}
	return native
}

var null = []byte("null")
