package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"settee/auth"
	"settee/auth/audit"
)

const (
	tokensShown = 1_000
	mostDays    = 90 // of a token that is made here, as npm's
	mostNamed   = 50 // packages and scopes of a token
)

type tokensData struct {
	Tokens []auth.Token
	Total  int
	Secret string // of a token just made: shown once
	Wide   string // the packages that were asked for
	Write  bool
}

var tokenFields = fields{
	{Name: "name", Label: "Name", Hint: "What it is for: “CI of left-hand”.", Auto: "off", Most: 255},
	{Name: "packages", Label: "Packages and scopes", Hint: "With spaces between: left-hand @acme. A * is all that you can do.", Auto: "off", Most: 4000},
	{Name: "days", Label: "Days until it expires", Hint: "1 to 90.", Value: "30", Auto: "off", Mode: "numeric", Most: 2},
	{Name: "cidr", Label: "Only from these addresses", Hint: "With spaces between: 192.0.2.0/24. Nothing: from everywhere.", Auto: "off", Most: 2000, Optional: true},
}

// showTokens answers GET tokens.
func (s *Site) showTokens(w http.ResponseWriter, v *visit) error {
	return s.tokensPage(w, v, http.StatusOK, page{Fields: tokenFields}, tokensData{})
}

func (s *Site) tokensPage(w http.ResponseWriter, v *visit, status int, p page, d tokensData) (err error) {
	if d.Tokens, d.Total, err = s.auth.Tokens(v.Context(), v.who.Name, 0, tokensShown); err != nil {
		return err
	}
	p.Title, p.Here, p.Data = "Tokens", "tokens", d
	return s.show(w, v, status, "tokens", p)
}

// makeToken answers POST tokens.
func (s *Site) makeToken(w http.ResponseWriter, v *visit) error {
	t, field, why := s.tokenOf(v)
	list := tokenFields.filled(v)
	if why != "" {
		return s.tokensPage(w, v, http.StatusBadRequest, page{Fields: list.wrong(field, why)}, tokensData{Write: t.Permission == auth.ReadWrite})
	}
	secret, err := s.auth.IssueToken(v.Context(), v.who.Name, t)
	s.record(v, audit.TokenCreate, v.who.Name, err)
	if why, status, ok := reason(err); ok {
		return s.tokensPage(w, v, status, page{Fields: list.wrong("cidr", why)}, tokensData{Write: t.Permission == auth.ReadWrite})
	}
	if err != nil {
		return err
	}
	return s.tokensPage(w, v, http.StatusOK, page{Fields: tokenFields, Notice: "The token " + t.Name + " is made."}, tokensData{Secret: secret})
}

// tokenOf is the token that a form asks for, or the field that is wrong, and why.
func (s *Site) tokenOf(v *visit) (t auth.Token, field, why string) {
	t = auth.Token{Kind: auth.TokenGranular, Name: v.value("name"), CIDR: strings.Fields(v.value("cidr")), Permission: auth.ReadOnly}
	if v.value("permission") == string(auth.ReadWrite) {
		t.Permission, t.BypassTFA = auth.ReadWrite, v.value("bypass") != ""
	}
	for _, word := range strings.Fields(strings.ReplaceAll(v.value("packages"), ",", " ")) {
		switch {
		case word == "*":
			t.PackagesAll = true
		case strings.HasPrefix(word, "@") && !strings.Contains(word, "/"):
			t.Scopes = append(t.Scopes, word)
		default:
			t.Packages = append(t.Packages, word)
		}
	}
	days, err := strconv.Atoi(v.value("days"))
	switch {
	case t.Name == "" || len(t.Name) > 255:
		return t, "name", "A token needs a name."
	case !t.PackagesAll && len(t.Packages)+len(t.Scopes) == 0:
		return t, "packages", "Say at least one package or scope."
	case len(t.Packages)+len(t.Scopes) > mostNamed:
		return t, "packages", "A token can be for 50 packages and scopes at most."
	case err != nil || days < 1 || days > mostDays:
		return t, "days", "A number from 1 to 90."
	case len(t.CIDR) > 100:
		return t, "cidr", "100 ranges at most."
	}
	t.Expires = s.o.Now().Add(time.Duration(days) * 24 * time.Hour)
	return t, "", ""
}

// revokeToken answers POST tokens/revoke.
func (s *Site) revokeToken(w http.ResponseWriter, v *visit) error {
	_, err := s.auth.Revoke(v.Context(), v.who.Name, v.value("id"))
	s.record(v, audit.TokenRevoke, v.who.Name, err)
	if why, status, ok := reason(err); ok {
		return s.tokensPage(w, v, status, page{Fields: tokenFields, Problem: why}, tokensData{})
	}
	if err != nil {
		return err
	}
	return s.tokensPage(w, v, http.StatusOK, page{Fields: tokenFields, Notice: "The token is revoked."}, tokensData{})
}
