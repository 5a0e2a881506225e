package tarballs

import "net/http"

// limit lets n requests wait for their answers at once. A body that a slow
// client is still fetching takes no place: it would starve the quick ones.
func limit(next http.RoundTripper, n int) http.RoundTripper {
	return &limited{next, make(chan struct{}, n)}
}

type limited struct {
	next  http.RoundTripper
	slots chan struct{}
}

func (l *limited) RoundTrip(q *http.Request) (*http.Response, error) {
	select {
	case l.slots <- struct{}{}:
	case <-q.Context().Done():
		if q.Body != nil {
			q.Body.Close() // the contract of RoundTripper
		}
		return nil, q.Context().Err()
	}
	defer func() { <-l.slots }()
	return l.next.RoundTrip(q)
}
