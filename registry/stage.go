package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/google/uuid"

	"settee/tarballs"
)

// StagedDatabase holds versions that wait for somebody to publish them.
const StagedDatabase = "staged"

const (
	stagedTime       = 30 * 24 * time.Hour // a version waits, then it is gone: what nobody wanted for a month nobody remembers
	mostStaged       = 20                  // of one package
	mostStagedShown  = 500                 // on a page
	stagedShown      = 100                 // where the client does not say
	stagedItemPrefix = "item:"             // what lists tell of it
	stagedTextPrefix = "text:"             // the version itself, which may be megabytes
)

// stagedItem is what lists tell of a staged version; its document's id is "item:" and ID.
type stagedItem struct {
	ID        string    `json:"id"`
	Package   string    `json:"packageName"`
	Version   string    `json:"version"`
	Tag       string    `json:"tag"`
	Created   time.Time `json:"createdAt"`
	Actor     string    `json:"actor"`
	ActorType string    `json:"actorType"` // "user", or the kind of a trusted publisher
	Access    string    `json:"access"`
	Shasum    string    `json:"shasum"`
	Integrity string    `json:"integrity"`
}

// stagedText is a staged version itself; its document's id is "text:" and the item's.
type stagedText struct {
	Manifest   json.RawMessage `json:"manifest"` // as a packument has it, but for maintainers and signatures
	Tags       []string        `json:"tags"`
	Access     string          `json:"access"`
	Readme     json.RawMessage `json:"readme,omitempty"`
	Repository json.RawMessage `json:"repository,omitempty"`
}

// stored is a document of StagedDatabase around either.
type stored[V any] struct {
	DocID string `json:"_id"`
	Rev   string `json:"_rev,omitempty"`
	Is    V      `json:"staged"`
}

func (i stagedItem) digest() (tarballs.Digest, error) { return tarballs.ParseSRI(i.Integrity) }

// stagedItems are those of a package, or all, the newest first, but for what has waited too long.
func (r *Registry) stagedItems(ctx context.Context, of PackageName) (list []stagedItem, err error) {
	rows := r.staged.AllDocs(ctx, kivik.Params(map[string]any{"include_docs": true, "startkey": stagedItemPrefix, "endkey": stagedItemPrefix + "~"}))
	defer rows.Close()
	after := r.o.Now().Add(-stagedTime)
	for rows.Next() {
		var d stored[stagedItem]
		if rows.ScanDoc(&d) == nil && d.Is.Created.After(after) && (of == "" || d.Is.Package == string(of)) {
			list = append(list, d.Is)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("registry: read staged versions: %w", err)
	}
	slices.SortFunc(list, func(a, b stagedItem) int { return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// stagedItem finds one; errNotFound where there is none.
func (r *Registry) stagedItem(ctx context.Context, id string) (item stagedItem, err error) {
	if _, err := uuid.Parse(id); err != nil {
		return item, errNotFound
	}
	var d stored[stagedItem]
	if err := r.staged.Get(ctx, stagedItemPrefix+id).ScanDoc(&d); notFound(err) || err == nil && !d.Is.Created.After(r.o.Now().Add(-stagedTime)) {
		return item, errNotFound
	} else if err != nil {
		return item, fmt.Errorf("registry: read a staged version: %w", err)
	}
	return d.Is, nil
}

// tellAccess says, where a publish does not, what its package's access is or would be.
func (r *Registry) tellAccess(ctx context.Context, item *stagedItem) error {
	if item.Access != "" {
		return nil
	}
	name := PackageName(item.Package)
	e, err := r.cache.entry(ctx, name)
	switch {
	case err != nil:
		return err
	case e.doc.published():
		item.Access = e.doc.access()
	case name.Scope() == "":
		item.Access = "public"
	default:
		item.Access = r.o.NewScoped
	}
	return nil
}

// stage stores a checked publish for somebody to publish later: its tarball, then what it says, then that it is there.
func (r *Registry) stage(ctx context.Context, p *publication) (stagedItem, error) {
	item := stagedItem{ID: uuid.NewString(), Package: string(p.name), Version: p.version, Tag: p.tags[0], Created: r.o.Now().UTC().Truncate(time.Millisecond),
		Actor: p.who.Name, ActorType: "user", Access: p.access, Shasum: parseObject(p.manifest.of("dist")).text("shasum"), Integrity: p.integrity}
	if t := p.who.Token; t != nil && t.Publisher != nil {
		item.ActorType = t.Publisher.Kind
	}
	if err := r.tellAccess(ctx, &item); err != nil {
		return item, err
	}
	have, err := r.stagedItems(ctx, p.name)
	if err != nil {
		return item, err
	}
	for _, other := range have {
		if unbuilt(other.Version) != unbuilt(p.version) {
			continue
		}
		if other.Integrity == p.integrity && other.Actor == p.who.Name {
			return other, nil // a retry of what succeeded
		}
		return item, fail(http.StatusConflict, "Version %s of %s is staged already: %s", other.Version, p.name, other.ID)
	}
	if len(have) >= mostStaged {
		return item, fail(http.StatusTooManyRequests, "%d versions of %s are staged already: approve or reject some.", len(have), p.name)
	}
	defer r.hold.take(p.digest)()
	r.waiting.Store(p.digest, true)
	if _, err := r.blobs.Put(ctx, p.tarball.Reader(), &p.digest); err != nil {
		return item, fmt.Errorf("registry: store a tarball: %w", err)
	}
	if err := r.keepAttestation(ctx, p); err != nil {
		return item, err
	}
	dist := parseObject(p.manifest.of("dist")).without("signatures") // it is signed when it is published
	text := stagedText{Manifest: p.manifest.with("dist", dist.raw()).raw(), Tags: p.tags, Access: p.access, Readme: p.readme, Repository: p.repository}
	if _, err := r.staged.Put(ctx, stagedTextPrefix+item.ID, stored[stagedText]{DocID: stagedTextPrefix + item.ID, Is: text}); err != nil {
		return item, fmt.Errorf("registry: stage a version: %w", err)
	}
	if _, err := r.staged.Put(ctx, stagedItemPrefix+item.ID, stored[stagedItem]{DocID: stagedItemPrefix + item.ID, Is: item}); err != nil {
		return item, fmt.Errorf("registry: stage a version: %w", err)
	}
	return item, nil
}

// unstage ends the waiting of a version: of two who do, one gets it.
func (r *Registry) unstage(ctx context.Context, item stagedItem) error {
	for i, prefix := range []string{stagedItemPrefix, stagedTextPrefix} {
		var d stored[json.RawMessage]
		err := r.staged.Get(ctx, prefix+item.ID).ScanDoc(&d)
		if err == nil {
			_, err = r.staged.Delete(ctx, prefix+item.ID, d.Rev)
		}
		switch {
		case err == nil:
		case i == 0 && (notFound(err) || conflict(err)):
			return errNotFound
		case !notFound(err) && !conflict(err):
			return fmt.Errorf("registry: end a staged version: %w", err)
		}
	}
	if digest, err := item.digest(); err == nil {
		r.waiting.Delete(digest)
	}
	return nil
}

// publicationOf is the publish that a staged version becomes when somebody approves it.
func (r *Registry) publicationOf(ctx context.Context, item stagedItem, q *request) (*publication, error) {
	var d stored[stagedText]
	if err := r.staged.Get(ctx, stagedTextPrefix+item.ID).ScanDoc(&d); notFound(err) {
		return nil, fail(http.StatusServiceUnavailable, "This staged version is not whole in this region yet. Please try again.")
	} else if err != nil {
		return nil, fmt.Errorf("registry: read a staged version: %w", err)
	}
	digest, err := item.digest()
	if err != nil {
		return nil, err
	}
	if _, err := r.blobs.Stat(ctx, digest); err != nil {
		return nil, elsewhere(fmt.Errorf("registry: look for a staged tarball: %w", err))
	}
	p := &publication{name: PackageName(item.Package), version: item.Version, tags: d.Is.Tags, access: d.Is.Access, readme: d.Is.Readme,
		integrity: item.Integrity, digest: digest, repository: d.Is.Repository, who: q.who, newScoped: r.o.NewScoped}
	p.sent = d.Is.Manifest
	p.manifest = parseObject(d.Is.Manifest)
	dist, err := r.keys.Load().signed(string(p.name)+"@"+p.version, parseObject(p.manifest.of("dist")), r.o.Now())
	if err != nil {
		return nil, err
	}
	by := parseObject(p.manifest.of("_npmUser")).with("approver", person(q.who.Name, q.who.Email))
	p.manifest = p.manifest.with("dist", dist.raw()).with("_npmUser", by.raw())
	return p, nil
}

// stagedBlobs are the tarballs that wait; what has waited too long is ended.
func (r *Registry) stagedBlobs(ctx context.Context) (map[tarballs.Digest]bool, error) {
	blobs := map[tarballs.Digest]bool{}
	rows := r.staged.AllDocs(ctx, kivik.Params(map[string]any{"include_docs": true, "startkey": stagedItemPrefix, "endkey": stagedItemPrefix + "~"}))
	defer rows.Close()
	var over []stagedItem
	after := r.o.Now().Add(-stagedTime)
	for rows.Next() {
		var d stored[stagedItem]
		if err := rows.ScanDoc(&d); err != nil {
			return nil, fmt.Errorf("registry: read staged versions: %w", err) // which blob it needs is unknown
		}
		if !d.Is.Created.After(after) {
			over = append(over, d.Is)
			continue
		}
		digest, err := d.Is.digest()
		if err != nil {
			return nil, fmt.Errorf("registry: read staged versions: %w", err)
		}
		blobs[digest] = true
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("registry: read staged versions: %w", err)
	}
	for _, item := range over {
		if err := r.unstage(ctx, item); err != nil && asError(err) != errNotFound {
			return nil, err
		}
	}
	return blobs, nil
}
