package limit

import (
	"net/netip"
	"strings"
)

// mostForwarded bounds what is read of the header: 32 proxies do not need more.
const mostForwarded = 8 << 10

// forwarded reads the header Forwarded as walk reads X-Forwarded-For.
func (n Networks) forwarded(peer netip.Addr, lines []string) origin {
	elements, ok := splitForwarded(strings.Join(lines, ","))
	if !ok || len(elements) > mostHops {
		return origin{}
	}
	o := origin{addr: peer}
	for i := len(elements) - 1; i >= 0; i-- {
		client, ok := node(elements[i]["for"])
		o = origin{client, elements[i]["proto"], elements[i]["host"]}
		if !ok {
			o.addr = netip.Addr{}
		}
		if !ok || !n.Contain(client) {
			break
		}
	}
	return o
}

// splitForwarded reads a list of elements, each of pairs; names in lower case. Any slip spoils
// the whole: where the next element begins would be a guess.
func splitForwarded(s string) (elements []map[string]string, ok bool) {
	if len(s) > mostForwarded {
		return nil, false
	}
	element := map[string]string{}
	end := func() {
		if len(element) > 0 {
			elements, element = append(elements, element), map[string]string{}
		}
	}
	for s = skip(s); s != ""; s = skip(s) {
		switch s[0] {
		case ',':
			end()
			s = s[1:]
			continue
		case ';':
			s = s[1:]
			continue
		}
		var name, value string
		if name, s = token(s); name == "" || s == "" || s[0] != '=' {
			return nil, false
		}
		if value, s, ok = valueOf(s[1:]); !ok {
			return nil, false
		}
		name = strings.ToLower(name)
		if _, twice := element[name]; twice {
			return nil, false
		}
		element[name] = value
		if s = skip(s); s != "" && s[0] != ',' && s[0] != ';' {
			return nil, false
		}
	}
	end()
	return elements, true
}

func skip(s string) string { return strings.TrimLeft(s, " \t") }

// token cuts the token that s begins with.
func token(s string) (token, rest string) {
	i := 0
	for i < len(s) && s[i] > ' ' && s[i] < 0x7f && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, rune(s[i])) {
		i++
	}
	return s[:i], s[i:]
}

// valueOf cuts a value: a token, or a quoted string.
func valueOf(s string) (value, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		value, rest = token(s)
		return value, rest, value != ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
