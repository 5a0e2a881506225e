package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/google/uuid"
)

// publishersDB holds whom packages trust to publish them.
const publishersDB = "publishers"

// The permissions of a publisher, in npm's words.
const (
	MayPublish = "createPackage"
	MayStage   = "createStagedPackage"
)

// mostPublishers is of one package: each is a way in, and each exchange looks at all.
const mostPublishers = 10

// Publisher is a build service's job that a package trusts to publish it.
type Publisher struct {
	ID          string
	Package     string
	Kind        string // "github", "gitlab" or "circleci"
	Issuer      string // of its id-tokens
	Claims      Claims // what these must say
	Permissions []string
	By          string // who trusts it
	Created     time.Time
	Pinned      map[string]string // ids that the first exchange's id-token brought, and all others must; empty before

	account string // By's "created"
}

// PublisherMark is on a token that a trusted publisher got.
type PublisherMark struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`     // the Publisher's
	Source string `json:"source"` // what it builds
}

// publisherDoc is a document of publishers; its id is the package's name, ":" and the publisher's.
type publisherDoc struct {
	ID             string    `json:"_id"`
	Rev            string    `json:"_rev,omitempty"`
	Type           string    `json:"type"`
	Package        string    `json:"package"`
	Kind           string    `json:"kind"`
	Issuer         string    `json:"issuer"`
	Claims         Claims    `json:"claims"`
	Permissions    []string  `json:"permissions"`
	By             string    `json:"by"`
	AccountCreated string    `json:"account_created"`
	Created        time.Time `json:"created"`

	Pinned map[string]string `json:"pinned,omitempty"`
}

// Publishers are those that a package trusts, in the order of their making.
func (a *Auth) Publishers(ctx context.Context, pkg string) (list []Publisher, err error) {
	rows := a.publishers.AllDocs(ctx, kivik.Params(map[string]any{"include_docs": true, "startkey": pkg + ":", "endkey": pkg + ";", "inclusive_end": false}))
	defer rows.Close()
	for rows.Next() {
		var d publisherDoc
		if rows.ScanDoc(&d) != nil || d.Type != "publisher" || d.Package != pkg {
			continue // what cannot be read is not trusted
		}
		list = append(list, Publisher{ID: strings.TrimPrefix(d.ID, pkg+":"), Package: pkg, Kind: d.Kind, Issuer: d.Issuer, Claims: d.Claims,
			Permissions: d.Permissions, By: d.By, Created: d.Created, Pinned: d.Pinned, account: d.AccountCreated})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("auth: read publishers: %w", err)
	}
	slices.SortStableFunc(list, func(a, b Publisher) int { return a.Created.Compare(b.Created) })
	return list, nil
}

// AddPublisher has a package trust one more; who says so must own the package, which the caller has asked.
func (a *Auth) AddPublisher(ctx context.Context, who Identity, p Publisher) (Publisher, error) {
	if err := a.complete(&p); err != nil {
		return p, err
	}
	have, err := a.Publishers(ctx, p.Package)
	if err != nil {
		return p, err
	}
	for _, other := range have {
		if other.Kind == p.Kind && other.Issuer == p.Issuer && reflect.DeepEqual(other.Claims, p.Claims) {
			return p, &Error{Kind: Exists, Reason: "This package trusts this publisher already: " + other.ID}
		}
	}
	if len(have) >= mostPublishers {
		return p, badRequest(fmt.Sprintf("A package may have at most %d trusted publishers", mostPublishers))
	}
	account, err := a.who(ctx, who.Name)
	if err != nil {
		return p, err
	}
	p.ID, p.By, p.account, p.Created = uuid.NewString(), who.Name, account.created, a.o.Now().UTC().Truncate(time.Millisecond)
	raw, err := json.Marshal(publisherDoc{ID: p.Package + ":" + p.ID, Type: "publisher", Package: p.Package, Kind: p.Kind, Issuer: p.Issuer, Claims: p.Claims,
		Permissions: p.Permissions, By: p.By, AccountCreated: p.account, Created: p.Created})
	if err != nil {
		return p, err
	}
	if _, err := a.publishers.Put(ctx, p.Package+":"+p.ID, json.RawMessage(raw)); err != nil {
		return p, fmt.Errorf("auth: store a publisher: %w", err)
	}
	return p, nil
}

// complete checks what a publisher says, and says whose id-tokens count.
func (a *Auth) complete(p *Publisher) error {
	m, known := matchers[p.Kind]
	if !known || a.o.OIDC.Issuers[p.Kind] == "" {
		return badRequest("invalid type: it must be one of " + strings.Join(slices.Sorted(maps.Keys(matchers)), ", "))
	}
	if err := m.check(p.Claims); err != nil {
		return err
	}
	if len(p.Permissions) == 0 {
		return badRequest("permissions must name at least one of " + MayPublish + ", " + MayStage)
	}
	for _, one := range p.Permissions {
		if one != MayPublish && one != MayStage {
			return badRequest("invalid permission: it must be one of " + MayPublish + ", " + MayStage)
		}
	}
	p.Issuer = a.o.OIDC.Issuers[p.Kind]
	if p.Kind == "circleci" {
		p.Issuer += "/org/" + p.Claims.text(circleOrg)
	}
	return nil
}

// RemovePublisher ends a trust, and the tokens that it gave. One that is not there is NotFound.
func (a *Auth) RemovePublisher(ctx context.Context, pkg, id string) error {
	for {
		doc, err := readObject(ctx, a.publishers, pkg+":"+id)
		if err != nil {
			return fmt.Errorf("auth: read a publisher: %w", err)
		}
		if doc == nil || doc.text("package") != pkg {
			return &Error{Kind: NotFound, Reason: "This package has no such trusted publisher."}
		}
		_, err = a.publishers.Delete(ctx, pkg+":"+id, doc.text("_rev"))
		if err == nil {
			return a.endTokensOf(ctx, doc.text("by"), func(t Token) bool { return t.Publisher.ID == id })
		}
		if status := kivik.HTTPStatus(err); status != http.StatusConflict && status != http.StatusNotFound {
			return fmt.Errorf("auth: remove a publisher: %w", err)
		}
	}
}

// endTokensOf revokes some of the tokens that publishers got in somebody's name.
func (a *Auth) endTokensOf(ctx context.Context, by string, which func(Token) bool) error {
	const page = 1000
	for skip := 0; ; skip += page {
		list, total, err := a.Tokens(ctx, by, skip, page)
		if err != nil {
			return err
		}
		for _, t := range list {
			if t.Publisher != nil && which(t) {
				if err := a.RevokeKey(ctx, t.Key); err != nil {
					return err
				}
			}
		}
		if skip+page >= total {
			return nil
		}
	}
}
