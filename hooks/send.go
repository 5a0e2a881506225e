package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"settee/dial"
)

// newClient asks endpoints: no proxy, no redirects, and not a byte more of an answer than is needed.
func newClient(o Options) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dial.Public(o.Allow), TLSHandshakeTimeout: o.Patience, ResponseHeaderTimeout: o.Patience,
			MaxResponseHeaderBytes: 32 << 10, MaxIdleConnsPerHost: 1, IdleConnTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
		},
	}
}

// notification is the body of a delivery.
type notification struct {
	Event     Kind              `json:"event"`
	Name      string            `json:"name"`
	Type      string            `json:"type"`
	Version   string            `json:"version,omitempty"`
	HookOwner hookOwner         `json:"hookOwner"`
	Payload   json.RawMessage   `json:"payload"`
	Change    map[string]string `json:"change"`
	Time      int64             `json:"time"`
}

type hookOwner struct {
	Username string `json:"username"`
}

// mostAnswer is how much of an answer is read, so that the connection can be kept. Nobody looks at it.
const mostAnswer = 4 << 10

// send makes one attempt: status is 0 where there was no answer.
func (h *Hooks) send(ctx context.Context, hook *Hook, d *delivery, payload json.RawMessage) (status int, err error) {
	body, err := json.Marshal(notification{
		Event: d.Event.Kind, Name: d.Package, Type: "package", Version: d.Event.Version, HookOwner: hookOwner{hook.Username},
		Payload: payload, Change: d.Event.Change, Time: d.Time,
	})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.o.Patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.Endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, without(err)
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("User-Agent", "settee-hooks")
	q.Header.Set("X-Npm-Signature", "sha256="+sign(hook.Secret, body))
	q.Header.Set("X-Settee-Delivery", d.ID)
	res, err := h.client.Do(q)
	if err != nil {
		return 0, without(err)
	}
	_, _ = io.CopyN(io.Discard, res.Body, mostAnswer)
	_ = res.Body.Close()
	return res.StatusCode, nil
}

// sign is the HMAC of a body, in hexadecimal.
func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// without leaves the URL out of an error: the path may be what keeps strangers from the endpoint.
func without(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
