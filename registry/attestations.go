package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-kivik/kivik/v4"

	"settee/provenance"
	"settee/tarballs"
	"settee/upstream"
	"settee/views/packuments"
)

// AttestationsDatabase holds the bundles that prove where versions come from.
const AttestationsDatabase = "attestations"

// attestationsPath is where they are served, npm's.
const attestationsPath = "/-/npm/v1/attestations/"

// attest proves the bundle that came with a publish, and adds to dist where it is served.
func (r *Registry) attest(p *publication, dist object) (object, error) {
	a, err := r.o.Root.Verify(p.bundle, provenance.Subject{Name: string(p.name), Version: p.version, Digest: p.digest})
	if err == nil {
		err = p.builtFrom(a)
	}
	var why *provenance.Refusal
	if errors.As(err, &why) {
		r.log.Info("a provenance bundle was refused", "package", string(p.name), "version", p.version, "error", why)
		return nil, fail(http.StatusUnprocessableEntity, "Error verifying the provenance bundle: %s.", why.Reason)
	}
	if err != nil {
		return nil, err
	}
	p.attestation = a
	link := attestationsPath + url.PathEscape(string(p.name)) + "@" + p.version
	return dist.with("attestations", object{
		{"url", quote(strings.Replace(link, "%40", "@", 1))},
		{"provenance", object{{"predicateType", quote(a.PredicateType)}}.raw()},
	}.raw()), nil
}

// builtFrom compares the repository that was built with the one that package.json names, as readers of the
// package do.
func (p *publication) builtFrom(a *provenance.Attestation) error {
	raw := p.repository
	said := plain(raw)
	if isObject(raw) {
		said = plain(packuments.Member(raw, "url"))
	}
	if !provenance.SameRepository(said, a.Repository) {
		return &provenance.Refusal{Reason: fmt.Sprintf("package.json has the repository %q, but the build was of %s", said, a.Repository)}
	}
	return nil
}

// attestationDoc is a document of AttestationsDatabase. Its id has the tarball's digest: of versions of one number that were
// published apart each has its own.
type attestationDoc struct {
	ID            string          `json:"_id"`
	Rev           string          `json:"_rev,omitempty"`
	Type          string          `json:"type"`
	Package       PackageName     `json:"package"`
	Version       string          `json:"version"`
	Integrity     string          `json:"integrity"`
	PredicateType string          `json:"predicateType"`
	Repository    string          `json:"repository"`
	Bundle        json.RawMessage `json:"bundle"`
}

func attestationID(name PackageName, version string, d tarballs.Digest) string {
	return string(name) + "@" + version + ":" + d.String()[:32]
}

// keepAttestation stores what a publish proved, before the version says that it is there.
func (r *Registry) keepAttestation(ctx context.Context, p *publication) error {
	if p.attestation == nil {
		return nil
	}
	d := attestationDoc{ID: attestationID(p.name, p.version, p.digest), Type: "attestation", Package: p.name, Version: p.version, Integrity: p.integrity,
		PredicateType: p.attestation.PredicateType, Repository: p.attestation.Repository, Bundle: p.bundle}
	for attempt := 0; ; attempt++ {
		raw, err := json.Marshal(d)
		if err != nil {
			return err
		}
		var options []kivik.Option
		if d.Rev != "" {
			options = append(options, kivik.Rev(d.Rev))
		}
		if _, err = r.attestations.Put(ctx, d.ID, json.RawMessage(raw), options...); err == nil {
			return nil
		}
		if !conflict(err) || attempt >= writeAttempts {
			return fmt.Errorf("registry: store an attestation: %w", err)
		}
		var there attestationDoc // of a publish that ended before its version was there, or of the same one
		if err := r.attestations.Get(ctx, d.ID).ScanDoc(&there); err != nil && !notFound(err) {
			return fmt.Errorf("registry: store an attestation: %w", err)
		}
		d.Rev = there.Rev
	}
}

// serveAttestations answers GET /-/npm/v1/attestations/:p@:v.
func (r *Registry) serveAttestations(w http.ResponseWriter, q *request) error {
	at := strings.LastIndexByte(string(q.pkg), '@')
	if at <= 0 {
		return errNotFound
	}
	version := string(q.pkg[at+1:])
	q.pkg = q.pkg[:at]
	e, err := r.visible(q)
	if err != nil {
		return err
	}
	manifest := e.doc.versions.of(version)
	digest, err := tarballs.ParseSRI(integrityOf(manifest))
	if err != nil {
		return errNotFound
	}
	list, err := r.attestationsOf(q, e, version, attestationID(q.pkg, version, digest))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", packumentCaching(e.doc))
	writeJSON(w, http.StatusOK, map[string]any{"attestations": list})
	return nil
}

// farAttestations is a document of AttestationsDatabase with what another registry says of a version of its own.
type farAttestations struct {
	ID   string          `json:"_id"`
	Type string          `json:"type"`
	List json.RawMessage `json:"list"`
}

// attestationsOf are those that are kept. Another registry's are asked for once, and not proved: who asks here does so.
func (r *Registry) attestationsOf(q *request, e *entry, version, id string) (any, error) {
	var d struct {
		attestationDoc
		List json.RawMessage `json:"list"`
	}
	err := r.attestations.Get(q.Context(), id).ScanDoc(&d)
	switch {
	case err == nil && d.List != nil:
		return d.List, nil
	case err == nil:
		return []any{map[string]any{"predicateType": d.PredicateType, "bundle": d.Bundle}}, nil
	case !notFound(err):
		return nil, fmt.Errorf("registry: read an attestation: %w", err)
	case e.doc.far == nil:
		return nil, fail(http.StatusNotFound, "No attestations of %s@%s", q.pkg, version)
	}
	list, err := r.o.Upstream.Attestations(upstream.WithVia(q.Context(), q.Header["Via"]), string(q.pkg), version)
	if err != nil {
		return nil, reachError(err)
	}
	if r.o.ReadOnly {
		return list, nil // a copy writes nothing of its own
	}
	if _, err := r.attestations.Put(q.Context(), id, farAttestations{id, "upstream", list}); err != nil && !conflict(err) {
		r.log.Warn("attestations of another registry were not kept", "package", string(q.pkg), "version", version, "error", err)
	}
	return list, nil
}
