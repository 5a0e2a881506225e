package registry

import (
	"net/http"
	"slices"
	"strings"
)

// What a client is told beside an answer: npm prints all lines as one, with a comma between.
const (
	noticeHeader = "Npm-Notice"
	mostNotices  = 12  // lines: more nobody reads, and proxies bound what headers there may be
	mostNotice   = 400 // bytes of a line
)

// tell adds a line to what npm prints for who asks. It must come before the answer is
// begun, and not beside what caches keep for others.
func (q *request) tell(w http.ResponseWriter, text string) { notice(w.Header(), text) }

// notice adds a line that is not there yet: what a packument hides is also why a version of it is not found.
func notice(h http.Header, text string) {
	line := header(text)
	if there := h[noticeHeader]; len(there) < mostNotices && !slices.Contains(there, line) {
		h.Add(noticeHeader, line)
	}
}

// header is text that fits a header: ASCII, bounded.
func header(text string) string {
	text = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, text)
	if len(text) > mostNotice {
		return text[:mostNotice-3] + "..."
	}
	return text
}
