package registry

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"settee/auth/audit"
	"settee/tarballs"
	"settee/views/packuments"
)

// AuditDatabase is the name of the database that keeps a record of each loss.
const AuditDatabase = audit.Database

// record keeps the losses durably, before the packument tells of them. Every region
// writes the same document for one loss, so they never conflict.
func (r *Registry) record(ctx context.Context, losses []Loss) error {
	for _, l := range losses {
		id, doc := l.document()
		_, err := r.records.Put(ctx, id, doc)
		if err != nil && !conflict(err) {
			return err
		}
	}
	return nil
}

// document is the record of a loss.
func (l Loss) document() (id string, doc json.RawMessage) {
	what := "number"
	if l.Name {
		what = "name"
	}
	id = "conflict:" + string(l.Package) + "@" + l.Version + ":" + l.Time + ":" + l.short() + ":" + what
	return id, object{{"_id", quote(id)}, {"type", quote("conflict")}, {"lost", quote(what)}, {"package", quote(string(l.Package))},
		{"version", quote(l.Version)}, {"time", quote(l.Time)}, {"integrity", quote(l.Integrity)}, {"by", quote(l.By)}}.raw()
}

// short tells the bytes of publishes of one number apart.
func (l Loss) short() string {
	if d, err := tarballs.ParseSRI(l.Integrity); err == nil {
		return d.String()[:16]
	}
	return l.Integrity
}

// tell logs the losses that a merge brought.
func (r *Registry) tell(losses []Loss, before *packument) {
	known := map[Loss]bool{}
	for _, l := range before.findLosses() {
		known[l] = true
	}
	for _, l := range losses {
		if !known[l] {
			r.log.Warn("a publish lost to an earlier one made in another region", "package", string(l.Package), "version", l.Version,
				"by", l.By, "time", l.Time, "integrity", l.Integrity, "name", l.Name)
		}
	}
}

// findLosses are the losses that a packument tells of.
func (p *packument) findLosses() []Loss {
	m := p.top.of(marksName)
	if packuments.Member(m, "lost") == nil && packuments.Member(m, "rivals") == nil {
		return nil
	}
	return familyOf(p).losses()
}

// noticeTime is how long after its publish somebody is told that it lost.
const noticeTime = 30 * 24 * time.Hour

// notify tells in a header, which npm prints, who asks what of his lost. Only answers that no
// cache keeps may have it.
func (r *Registry) notify(w http.ResponseWriter, q *request, p *packument) {
	if p == nil || len(p.losses) == 0 || q.who.Anonymous() {
		return
	}
	for _, l := range p.losses {
		at, err := time.Parse(time.RFC3339, l.Time)
		if l.By == q.who.Name && err == nil && r.o.Now().Sub(at) < noticeTime {
			q.tell(w, l.text())
		}
	}
}

// text says what happened, to who published.
func (l Loss) text() string {
	what := string(l.Package) + "@" + l.Version + ", which you published at " + l.Time
	if l.Name {
		return what + ", is not served: at the same time the package was made earlier in another region by somebody else. Choose another name."
	}
	return what + ", is not served: the number was published earlier in another region, with other content. Publish yours under a new number."
}

// lossOf finds the loss of a publish of these bytes.
func (p *packument) lossOf(version, integrity string) (Loss, bool) {
	if p == nil {
		return Loss{}, false
	}
	for _, l := range p.losses {
		if !l.Name && unbuilt(l.Version) == unbuilt(version) && l.Integrity == integrity {
			return l, true
		}
	}
	return Loss{}, false
}

// nameLostBy finds a loss of the whole package by somebody.
func (p *packument) nameLostBy(who string) (Loss, bool) {
	if p == nil {
		return Loss{}, false
	}
	for _, l := range p.losses {
		if l.Name && l.By == who {
			return l, true
		}
	}
	return Loss{}, false
}
