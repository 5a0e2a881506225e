package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"
)

const (
	keysTime  = time.Hour       // keys are used without another look
	staleTime = 24 * time.Hour  // and where their issuer does not answer
	keysPause = time.Minute     // between two looks for a key that is not there: who sends kids must not make us ask
	askTime   = 5 * time.Second // an issuer may take: npm waits for the answer
	mostKeys  = 256 << 10       // bytes of an answer
	mostKnown = 100             // issuers: circleci has one an organisation
)

// issuers knows the keys of those who issue id-tokens.
type issuers struct {
	client *http.Client
	now    func() time.Time
	asking singleflight.Group

	mu    sync.Mutex
	known map[string]issuerKeys
}

// issuerKeys are an issuer's keys, and when they were asked for.
type issuerKeys struct {
	set   *jose.JSONWebKeySet
	at    time.Time // when they came
	asked time.Time
}

func newIssuers(client *http.Client, now func() time.Time) *issuers {
	if client == nil {
		client = &http.Client{Timeout: askTime}
	}
	bounded := *client
	bounded.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &issuers{client: &bounded, now: now, known: map[string]issuerKeys{}}
}

// keys finds the key of an id-token among its issuer's. What the token itself says of where keys are is not looked at.
func (i *issuers) keys(ctx context.Context, issuer, kid string) (jwt.Keyfunc, error) {
	have, err := i.of(ctx, issuer, kid)
	if err != nil {
		return nil, err
	}
	return func(t *jwt.Token) (any, error) {
		var fit jwt.VerificationKeySet
		for _, key := range have.set.Keys {
			if !key.Valid() || !key.IsPublic() || key.Use == "enc" || key.Algorithm != "" && key.Algorithm != t.Method.Alg() {
				continue
			}
			if key.KeyID == kid {
				fit.Keys = append(fit.Keys, key.Key)
			}
		}
		if len(fit.Keys) == 0 {
			return nil, errors.New("no such key")
		}
		return fit, nil
	}, nil
}

func (i *issuers) of(ctx context.Context, issuer, kid string) (issuerKeys, error) {
	i.mu.Lock()
	have, known := i.known[issuer]
	i.mu.Unlock()
	now := i.now()
	fresh := known && have.set != nil && now.Sub(have.at) < keysTime
	if fresh && len(have.set.Key(kid)) > 0 {
		return have, nil
	}
	if known && now.Sub(have.asked) < keysPause {
		return have, have.usable(now)
	}
	next, err, _ := i.asking.Do(issuer, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
		defer cancel()
		set, err := i.ask(ctx, issuer)
		next := issuerKeys{have.set, have.at, i.now()}
		if err == nil {
			next.set, next.at = set, next.asked
		}
		i.keep(issuer, next)
		if next.usable(next.asked) == nil {
			err = nil
		}
		return next, err
	})
	return next.(issuerKeys), err
}

// usable says whether there are keys that are not too old.
func (k issuerKeys) usable(now time.Time) error {
	if k.set == nil || now.Sub(k.at) > staleTime {
		return errors.New("it did not answer a moment ago")
	}
	return nil
}

func (i *issuers) keep(issuer string, keys issuerKeys) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, known := i.known[issuer]; !known && len(i.known) >= mostKnown {
		for one := range i.known {
			delete(i.known, one)
			break
		}
	}
	i.known[issuer] = keys
}

// ask finds an issuer's keys as OpenID Connect Discovery says.
func (i *issuers) ask(ctx context.Context, issuer string) (*jose.JSONWebKeySet, error) {
	var is struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := i.get(ctx, issuer+"/.well-known/openid-configuration", &is); err != nil {
		return nil, err
	}
	at, err := url.Parse(is.Keys)
	from, _ := url.Parse(issuer)
	if is.Issuer != issuer || err != nil || at.Scheme != "https" && (from == nil || at.Scheme != from.Scheme) {
		return nil, errors.New("its configuration is another's, or names no safe place of its keys")
	}
	set := &jose.JSONWebKeySet{}
	return set, i.get(ctx, is.Keys, set)
}

func (i *issuers) get(ctx context.Context, location string, into any) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return err
	}
	q.Header.Set("Accept", "application/json")
	res, err := i.client.Do(q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", location, res.Status)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, mostKeys+1))
	if err != nil {
		return err
	}
	if len(raw) > mostKeys {
		return fmt.Errorf("%s: more than %d bytes", location, mostKeys)
	}
	return json.Unmarshal(raw, into)
}
