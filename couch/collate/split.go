package collate

import "encoding/binary"

// ArrayPrefix is the part of an array's key that all arrays with the same first
// n elements share, one of just these among them. It is false for other values and for
// arrays of fewer than n elements.
func ArrayPrefix(key []byte, n int) ([]byte, bool) { return arrayPrefix(key, n, unicode) }

// ArrayPrefixRaw is ArrayPrefix for keys of AppendRaw.
func ArrayPrefixRaw(key []byte, n int) ([]byte, bool) { return arrayPrefix(key, n, erlang) }

func arrayPrefix(key []byte, n int, o *order) ([]byte, bool) {
	if len(key) == 0 || key[0] != o.array {
		return nil, false
	}
	at := 1
	for ; n > 0; n-- {
		if key[at] == 0 {
			return nil, false
		}
		at += length(key[at:], o)
	}
	return key[:at], true
}

func length(key []byte, o *order) int {
	switch key[0] {
	case o.number:
		return numberLength(key)
	case o.text:
		if o == erlang {
			return bytesLength(key)
		}
		return textLength(key)
	case o.array, o.object:
		at := 1
		for key[at] != 0 {
			at += length(key[at:], o)
		}
		return at + 1
	}
	return 1
}

func numberLength(key []byte) int {
	switch n := int(key[9]) - 0x80; {
	case n == 0x7f:
		return 14 + int(binary.BigEndian.Uint32(key[10:]))
	case n == -0x7f:
		return 14 + int(^binary.BigEndian.Uint32(key[10:]))
	case n < 0:
		return 10 - n
	default:
		return 10 + n
	}
}

func textLength(key []byte) int {
	at := 1
	for key[at]|key[at+1] != 0 {
		at += primaryLength(key[at])
	}
	for at += 2; key[at] != 0; at++ {
		if key[at] >= 0x80 {
			at++
		}
	}
	for at++; key[at] != 0; at++ {
	}
	return at + 1
}

func bytesLength(key []byte) int {
	at := 1
	for ; key[at] != 0 || key[at+1] != 1; at++ {
		if key[at] == 0 {
			at++
		}
	}
	return at + 2
}
