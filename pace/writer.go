package pace

import (
	"net/http"
	"time"
)

// A Writer is an answer that its client must take. What fits the buffers of a connection needs no time of its own. End it.
type Writer struct {
	http.ResponseWriter
	Stall time.Duration // for each piece

	sent int64
}

// piece is how much a client must take in the time of a stall.
const piece = 64 << 10

// Write implements http.ResponseWriter.
func (w *Writer) Write(b []byte) (n int, err error) {
	for {
		part := b[n:min(n+piece, len(b))]
		if w.sent += int64(len(part)); w.sent > piece {
			w.until(time.Now().Add(w.Stall))
		}
		m, err := w.ResponseWriter.Write(part)
		if n += m; err != nil || n == len(b) {
			return n, err
		}
	}
}

// End lets what follows on the connection have its own time.
func (w *Writer) End() {
	if w.sent > piece {
		w.until(time.Time{})
	}
}

func (w *Writer) until(t time.Time) {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t) // a server that cannot has nobody who stalls
}

// Unwrap lets http.ResponseController flush.
func (w *Writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
