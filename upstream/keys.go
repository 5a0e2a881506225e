package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The bounds of what other registries say of signatures.
const (
	mostKeysText     = 256 << 10
	mostKeys         = 32      // of one registry: the public one has shown two in three years
	mostAttestations = 4 << 20 // bytes; a version has two of some 15 kB
)

// Key is a public key of signatures as another registry shows it.
type Key struct {
	ID      string    // as its signatures name it
	Public  string    // base64 of DER
	Expires time.Time // zero: never
}

// Keys are the keys of all other registries: signatures of packages that are read through are theirs. Those of a registry
// that does not answer are missing, and err says so; one without keys has none.
func (r *Reader) Keys(ctx context.Context) (keys []Key, err error) {
	for _, m := range r.remotes {
		theirs, failed := m.keys(ctx)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("upstream: keys of %s: %w", m.Name(), failed))
		}
		keys = append(keys, theirs...)
	}
	return keys, err
}

func (m *remote) keys(ctx context.Context) (keys []Key, err error) {
	raw, err := m.text(ctx, m.URL.String()+"/-/npm/v1/keys", mostKeysText)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list struct {
		Keys []struct {
			ID      string     `json:"keyid"`
			Key     string     `json:"key"`
			Expires *time.Time `json:"expires"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	for _, k := range list.Keys[:min(len(list.Keys), mostKeys)] {
		one := Key{ID: k.ID, Public: k.Key}
		if k.Expires != nil {
			one.Expires = *k.Expires
		}
		keys = append(keys, one)
	}
	return keys, nil
}

// Attestations are what proves how a version was built, as its registry answers: a list of JSON. ErrNotFound where there are none.
func (r *Reader) Attestations(ctx context.Context, name, version string) (list json.RawMessage, err error) {
	m := r.remote(name)
	if m == nil {
		return nil, ErrNotFound
	}
	raw, err := m.text(ctx, m.URL.String()+"/-/npm/v1/attestations/"+strings.Replace(name, "/", "%2f", 1)+"@"+url.PathEscape(version), mostAttestations)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Attestations []json.RawMessage `json:"attestations"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, err
	}
	if len(answer.Attestations) == 0 {
		return nil, ErrNotFound
	}
	return json.Marshal(answer.Attestations)
}

// text reads a small answer.
func (m *remote) text(ctx context.Context, location string, limit int64) ([]byte, error) {
	res, err := m.get(ctx, location, http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"identity"}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	return bounded(res.Body, limit, res.ContentLength)
}
