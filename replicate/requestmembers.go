package replicate

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// The readers of members. Each reports whether the value is of its kind.

func toBool(into *bool) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		*into = string(raw) == "true"
		return *into || string(raw) == "false"
	}
}

func toNot(into *bool) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		var is bool
		ok := toBool(&is)(raw)
		*into = !is
		return ok
	}
}

// toLaxNot takes all that is not false for true, as CouchDB does of use_checkpoints.
func toLaxNot(into *bool) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		*into = string(raw) == "false"
		return true
	}
}

func toString(into *string) func(json.RawMessage) bool {
	return func(raw json.RawMessage) (ok bool) {
		*into, ok = stringOf(raw)
		return ok
	}
}

func toObject(into *map[string]json.RawMessage) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool { return json.Unmarshal(raw, into) == nil && *into != nil }
}

func toRawObject(into *json.RawMessage) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		*into = raw
		return len(raw) > 0 && raw[0] == '{'
	}
}

// toParams takes values that are no strings as their JSON.
func toParams(into *map[string]string) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		var object map[string]json.RawMessage
		if !toObject(&object)(raw) {
			return false
		}
		*into = make(map[string]string, len(object))
		for name, v := range object {
			(*into)[name] = textOf(v)
		}
		return true
	}
}

// toDocIDs reads ids, which may be percent-encoded, each once and in order; null is none.
func toDocIDs(into *[]string) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		if string(raw) == "null" {
			return true
		}
		var list []*string
		if json.Unmarshal(raw, &list) != nil || slices.Contains(list, nil) {
			return false
		}
		ids := make([]string, len(list))
		for i, id := range list {
			ids[i] = *id
			if decoded, err := url.QueryUnescape(*id); err == nil {
				ids[i] = decoded
			}
		}
		slices.Sort(ids)
		*into = slices.Compact(ids)
		return true
	}
}

func toSeq(into *string) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		*into = textOf(raw)
		return string(raw) != "null" && raw[0] != '{'
	}
}

// toInteger reads a number, or a string that is one, from a bound.
func toInteger(raw json.RawMessage, least int) (int, bool) {
	n, err := strconv.ParseInt(textOf(raw), 10, 32)
	return int(n), err == nil && int(n) >= least
}

func toPositive(into *int) func(json.RawMessage) bool {
	return func(raw json.RawMessage) (ok bool) {
		*into, ok = toInteger(raw, 1)
		return ok
	}
}

// toRetries tells none from those that were not asked for.
func toRetries(into *int) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		n, ok := toInteger(raw, 0)
		*into = n
		if n == 0 {
			*into = -1
		}
		return ok
	}
}

func toMilliseconds(into *time.Duration) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		n, ok := toInteger(raw, 1)
		*into = time.Duration(n) * time.Millisecond
		return ok
	}
}

func stringOf(raw json.RawMessage) (string, bool) {
	var s *string
	if len(raw) == 0 || json.Unmarshal(raw, &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}

// textOf is a string's text, and of anything else its JSON.
func textOf(raw json.RawMessage) string {
	if s, ok := stringOf(raw); ok {
		return s
	}
	return string(raw)
}
