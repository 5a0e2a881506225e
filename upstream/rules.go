package upstream

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Rules say what of other registries is shown. The zero value shows everything.
type Rules struct {
	Deny     []Pattern     // never
	Allow    []Pattern     // where there is any: nothing else
	Cooldown time.Duration // versions younger than this are hidden
	Except   []Pattern     // from Cooldown
}

// Refused says that rules refuse a name, or a version.
type Refused struct{ Why string }

func (r *Refused) Error() string { return r.Why }

// HTTPStatus is the status that is answered.
func (r *Refused) HTTPStatus() int { return http.StatusForbidden }

// Name refuses a name that nobody is to be asked for: an error is a *Refused.
func (r Rules) Name(name string) error {
	for _, p := range r.Deny {
		if !p.Ranged() && p.Fits(name) {
			return &Refused{fmt.Sprintf("%s is denied by the policy of this registry (%s).", name, p)}
		}
	}
	if len(r.Allow) == 0 {
		return nil
	}
	for _, p := range r.Allow {
		if p.Fits(name) {
			return nil
		}
	}
	return &Refused{fmt.Sprintf("%s is not among the packages that the policy of this registry allows.", name)}
}

// Hidden is a version that is not shown.
type Hidden struct {
	Version string
	Rule    string    // what hides it: a pattern of Deny, or allow, or cooldown
	Why     string    // in words, for who asks
	Until   time.Time // zero: for ever
}

// Version reports whether a version is hidden at a moment, and why.
func (r Rules) Version(name, version string, published, now time.Time) (h Hidden, hidden bool) {
	for _, p := range r.Deny {
		if p.FitsVersion(name, version, true) {
			return Hidden{Version: version, Rule: p.String(), Why: fmt.Sprintf("%s@%s is denied by the policy of this registry (%s).", name, version, p)}, true
		}
	}
	if !r.allows(name, version) {
		return Hidden{Version: version, Rule: "allow", Why: fmt.Sprintf("%s@%s is not among the versions that the policy of this registry allows.", name, version)}, true
	}
	until := published.Add(r.Cooldown)
	if r.Cooldown <= 0 || !now.Before(until) {
		return Hidden{}, false
	}
	for _, p := range r.Except {
		if p.FitsVersion(name, version, false) {
			return Hidden{}, false
		}
	}
	return Hidden{Version: version, Rule: "cooldown", Until: until, Why: fmt.Sprintf("%s@%s is hidden by this registry until %s: versions younger than %s are.",
		name, version, until.UTC().Format("2006-01-02 15:04 UTC"), span(r.Cooldown))}, true
}

func (r Rules) allows(name, version string) bool {
	for _, p := range r.Allow {
		if p.FitsVersion(name, version, false) {
			return true
		}
	}
	return len(r.Allow) == 0
}

// span writes a time as operators do: 7d, 36h, 90m.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return strings.TrimSpace(d.String())
}
