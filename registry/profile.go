package registry

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"settee/auth"
	"settee/auth/audit"
)

// serveProfile answers GET /-/npm/v1/user.
func (r *Registry) serveProfile(w http.ResponseWriter, q *request) error {
	if q.who.Anonymous() {
		return errWhoAreYou
	}
	profile, err := r.profile(q)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-store")
	writeJSON(w, http.StatusOK, profile)
	return nil
}

// profile is that of who asks, in npm's members.
func (r *Registry) profile(q *request) (map[string]any, error) {
	account, err := r.auth.Account(q.Context(), q.who.Name)
	if err != nil {
		return nil, err
	}
	factor, err := r.auth.Factor(q.Context(), q.who.Name)
	if err != nil {
		return nil, err
	}
	profile := map[string]any{
		"tfa": false, "name": account.Name, "email": account.Email, "email_verified": account.EmailVerified, "fullname": account.FullName,
		"homepage": account.Homepage, "github": account.GitHub, "twitter": account.Twitter, "freenode": account.Freenode, "cidr_whitelist": nil,
	}
	if factor.Active || factor.Pending {
		profile["tfa"] = map[string]any{"mode": factor.Mode, "pending": factor.Pending}
	}
	if len(account.CIDR) > 0 {
		profile["cidr_whitelist"] = account.CIDR
	}
	for name, at := range map[string]time.Time{"created": account.Created, "updated": account.Updated} {
		if !at.IsZero() {
			profile[name] = at.UTC().Format(isoTime)
		}
	}
	return profile, nil
}

// profileRequest is the body of POST /-/npm/v1/user: npm sends back all that it may write, null
// where there is nothing.
type profileRequest struct {
	Email, FullName, Homepage, GitHub, Twitter, Freenode optional

	Password *struct{ Old, New string }
	TFA      json.RawMessage
}

// optional is a text that may be missing, or null to take it away.
type optional struct {
	sent bool
	text string
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *optional) UnmarshalJSON(raw []byte) error {
	o.sent = true
	return json.Unmarshal(raw, &o.text)
}

func (o optional) into(text *string) {
	if o.sent {
		*text = o.text
	}
}

// serveProfileSet answers POST /-/npm/v1/user. All of it asks for the second factor, where there is one.
func (r *Registry) serveProfileSet(w http.ResponseWriter, q *request) error {
	if err := q.account(); err != nil {
		return err
	}
	var sent profileRequest
	if err := readSmall(w, q, &sent); err != nil {
		return err
	}
	asked, err := sent.tfa()
	if err != nil {
		return err
	}
	if password := sent.proof(asked); password != nil {
		if err := r.password(q, *password); err != nil {
			return err
		}
	}
	if err := r.stepUp(q, auth.Privilege{Level: auth.LevelAccount}); err != nil {
		return err
	}
	if err := r.setProfile(q, sent); err != nil {
		return err
	}
	tfa, err := r.setFactor(q, asked)
	if err != nil {
		return err
	}
	profile, err := r.profile(q)
	if err != nil {
		return err
	}
	if tfa != nil {
		profile["tfa"] = tfa
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, profile)
	return nil
}

// proof is the password that must be right for what was sent; nil: none.
func (p profileRequest) proof(asked *tfaRequest) *string {
	switch {
	case p.Password != nil:
		return &p.Password.Old
	case asked != nil && asked.Codes == nil:
		return &asked.Password
	}
	return nil
}

func (r *Registry) setProfile(q *request, sent profileRequest) error {
	if sent.Password != nil {
		err := r.auth.SetPassword(q.Context(), q.who.Name, sent.Password.New)
		r.audit(q, audit.Password, err)
		if err != nil {
			return err
		}
	}
	if sent.only() {
		return nil
	}
	err := r.auth.SetProfile(q.Context(), q.who.Name, func(p *auth.Profile, email *string) {
		sent.Email.into(email)
		sent.FullName.into(&p.FullName)
		sent.Homepage.into(&p.Homepage)
		sent.GitHub.into(&p.GitHub)
		sent.Twitter.into(&p.Twitter)
		sent.Freenode.into(&p.Freenode)
	})
	r.audit(q, audit.AccountChange, err)
	return err
}

// only reports whether nothing of the profile itself was sent.
func (p profileRequest) only() bool {
	return !(p.Email.sent || p.FullName.sent || p.Homepage.sent || p.GitHub.sent || p.Twitter.sent || p.Freenode.sent)
}

// tfaRequest is the member "tfa": what is to be, or the code that confirms it.
type tfaRequest struct {
	Password string
	Mode     string
	Codes    []string `json:"-"`
}

var errTFA = invalid(`invalid tfa: it is {"password", "mode"} or ["code"]`)

func (p profileRequest) tfa() (*tfaRequest, error) {
	if len(p.TFA) == 0 || string(p.TFA) == "null" || string(p.TFA) == "false" {
		return nil, nil
	}
	asked := &tfaRequest{}
	if json.Unmarshal(p.TFA, &asked.Codes) == nil {
		if len(asked.Codes) != 1 {
			return nil, errTFA
		}
		return asked, nil
	}
	asked.Codes = nil
	if json.Unmarshal(p.TFA, asked) != nil || asked.Mode == "" {
		return nil, errTFA
	}
	return asked, nil
}

// setFactor does what tfa asks for and returns what npm must be told beside the profile:
// the URL for an authenticator, or the recovery codes.
func (r *Registry) setFactor(q *request, asked *tfaRequest) (any, error) {
	ctx, name := q.Context(), q.who.Name
	switch {
	case asked == nil:
		return nil, nil
	case asked.Codes != nil:
		recovery, err := r.auth.ConfirmTOTP(ctx, name, asked.Codes[0])
		r.audit(q, audit.FactorEnable, err)
		return recovery, err
	case asked.Mode == "disable":
		err := r.auth.DisableFactor(ctx, name)
		r.audit(q, audit.FactorDisable, err)
		return nil, err
	}
	factor, err := r.auth.Factor(ctx, name)
	if err != nil {
		return nil, err
	}
	if factor.Active {
		err := r.auth.SetMode(ctx, name, auth.Mode(asked.Mode))
		q.entry.Details = map[string]string{"mode": asked.Mode}
		r.audit(q, audit.FactorChange, err)
		return nil, err
	}
	issuer := "settee"
	if u, err := url.Parse(r.base(q)); err == nil && u.Hostname() != "" {
		issuer = u.Hostname() // what tells one registry from another in an authenticator
	}
	return r.auth.EnrolTOTP(ctx, name, auth.Mode(asked.Mode), issuer)
}
