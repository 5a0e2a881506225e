package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// builtins are the modules of Node.js that no package may shadow. Those that are found by
// "node:" alone (sea, sqlite, test) are not among them.
var builtins = strings.Fields(`_http_agent _http_client _http_common _http_incoming _http_outgoing _http_server
	_stream_duplex _stream_passthrough _stream_readable _stream_transform _stream_wrap _stream_writable
	_tls_common _tls_wrap assert assert/strict async_hooks buffer child_process cluster console constants crypto dgram
	diagnostics_channel dns dns/promises domain events fs fs/promises http http2 https inspector inspector/promises
	module net os path path/posix path/win32 perf_hooks process punycode querystring readline readline/promises repl
	stream stream/consumers stream/promises stream/web string_decoder sys timers timers/promises tls trace_events
	tty url util util/types v8 vm wasi worker_threads zlib`)

// unnamed are names that would be in the way of something else.
var unnamed = []string{"node_modules", "favicon.ico"}

// Name judges a package's name by npm's rules and in npm's words. What is refused can be no
// package's name at all; what is outdated was allowed once, and is the name of no new package.
func Name(name string) (refused, outdated []string) {
	if name == "" {
		return []string{"name length must be greater than zero"}, nil
	}
	lower := strings.ToLower(name)
	scope, base, scoped := strings.Cut(name, "/")
	refuse := func(is bool, format string, args ...any) {
		if is {
			refused = append(refused, fmt.Sprintf(format, args...))
		}
	}
	outdate := func(is bool, format string, args ...any) {
		if is {
			outdated = append(outdated, fmt.Sprintf(format, args...))
		}
	}
	refuse(name[0] == '.', "name cannot start with a period")
	refuse(name[0] == '-', "name cannot start with a hyphen")
	refuse(name[0] == '_', "name cannot start with an underscore")
	refuse(strings.TrimSpace(name) != name, "name cannot contain leading or trailing spaces")
	refuse(slices.Contains(unnamed, lower), "%s is not a valid package name", lower)
	outdate(slices.Contains(builtins, lower), "%s is a core module name", name)
	outdate(len(name) > 214, "name can no longer contain more than 214 characters")
	outdate(lower != name, "name can no longer contain capital letters")
	outdate(strings.ContainsAny(name[strings.LastIndexByte(name, '/')+1:], `~'!()*`), `name can no longer contain special characters ("~'!()*")`)
	switch {
	case !scoped:
		refuse(!URLSafe(name), "name can only contain URL-friendly characters")
	case len(scope) < 2 || scope[0] != '@' || !URLSafe(scope[1:]) || !URLSafe(base):
		refuse(true, "name can only contain URL-friendly characters")
	default:
		refuse(base[0] == '.', "name cannot start with a period")
	}
	return refused, outdated
}

// URLSafe reports whether encodeURIComponent leaves s as it is, and s is not empty.
func URLSafe(s string) bool {
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') && !strings.ContainsRune("-_.~!*'()", rune(c)) {
			return false
		}
	}
	return s != ""
}

// Storable reports whether a name, in any spelling, may be looked for: what it becomes part of, a document's id or
// a path, stays what it was. Legacy names, with capitals, are.
func Storable(name string) bool {
	scope, base, scoped := strings.Cut(name, "/")
	if !scoped {
		base = name
	} else if len(scope) < 2 || scope[0] != '@' || !URLSafe(scope[1:]) {
		return false
	}
	return len(name) <= 214 && URLSafe(base) && !strings.ContainsRune("._-", rune(base[0]))
}
