package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/golang-jwt/jwt/v5"
)

const (
	publishTime = time.Hour        // a token for a publish is good for: a slow build's publish, no more
	mostIDToken = 16 << 10         // bytes of an id-token: those of build services have some 2 kB
	oldIDToken  = time.Hour        // since it was issued
	clockLeeway = 30 * time.Second // that clocks may differ
)

// OIDC says whose id-tokens are exchanged for tokens that publish.
type OIDC struct {
	Audience string            // "npm:" and the registry's host, for which id-tokens must be made; "": none is exchanged
	Issuers  map[string]string // kind of publisher -> issuer; nil: WellKnownIssuers
	Client   *http.Client      // asks issuers for their keys; default one with bounds
}

// WellKnownIssuers are those of the build services that npm knows. Of circleci each organisation has one, below it.
var WellKnownIssuers = map[string]string{
	"github": "https://token.actions.githubusercontent.com", "gitlab": "https://gitlab.com", "circleci": "https://oidc.circleci.com",
}

// idMethods are the algorithms of id-tokens: signatures that only the issuer can make, never a shared secret.
var idMethods = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

var (
	errNoOIDC   = &Error{Kind: NotFound, Reason: "This registry exchanges no id-tokens: its owner has not said what its address is."}
	errNoTrust  = &Error{Kind: NotFound, Reason: "No trusted publisher of this package fits the id-token."}
	errReplayed = &Error{Kind: Unauthorized, Reason: "The id-token was used for this package already."}
)

func badIDToken(why string) error {
	return &Error{Kind: Unauthorized, Reason: "The id-token is not accepted: " + why + "."}
}

// Exchange gives for an id-token of a build, which a trusted publisher of the package describes, a token that
// publishes this one package for an hour, in the name of who trusts it. may says whether an account may
// publish the package now.
func (a *Auth) Exchange(ctx context.Context, encoded, pkg string, may func(Identity) error) (secret string, t Token, err error) {
	if a.o.OIDC.Audience == "" {
		return "", t, errNoOIDC
	}
	all, err := a.Publishers(ctx, pkg)
	if err != nil {
		return "", t, err
	}
	claims, err := a.idClaims(ctx, encoded, all)
	if err != nil {
		return "", t, err
	}
	refusal := errNoTrust
	for _, p := range all {
		if !p.describes(claims) {
			continue
		}
		who, err := a.account(ctx, p.By)
		if err != nil {
			return "", t, err
		}
		if who == nobody || who.created != p.account || may(who.identity(handlerToken)) != nil {
			continue // who trusts it may not publish the package any more
		}
		if err := a.pin(ctx, p, Claims(claims)); errors.Is(err, errOtherSource) {
			refusal = errOtherSource
			continue
		} else if err != nil {
			return "", t, err
		}
		if err := a.useIDToken(ctx, encoded, pkg, claims); err != nil {
			return "", t, err
		}
		return a.issueFor(ctx, p, claims)
	}
	return "", t, refusal
}

func (a *Auth) issueFor(ctx context.Context, p Publisher, claims jwt.MapClaims) (secret string, t Token, err error) {
	t = Token{
		Kind: TokenGranular, Name: "trusted publisher " + p.Kind, Description: "of " + p.source(), Packages: []string{p.Package}, Permission: StageOnly,
		BypassTFA: true, Expires: a.o.Now().Add(publishTime), Publisher: &PublisherMark{Kind: p.Kind, ID: p.ID, Source: p.source()},
	}
	if slices.Contains(p.Permissions, MayPublish) {
		t.Permission = ReadWrite
	}
	now := a.o.Now()
	if err := a.endTokensOf(ctx, p.By, func(t Token) bool { return !t.Expires.After(now) }); err != nil { // each publish leaves one behind
		return "", t, err
	}
	if secret, err = a.IssueToken(ctx, p.By, t); err != nil {
		return "", t, err
	}
	t, err = a.TokenOf(ctx, secret)
	return secret, t, err
}

// idClaims are what an id-token says, once it is proved. Its issuer must be one that a publisher of the package
// is trusted for: of nobody else's are keys asked for.
func (a *Auth) idClaims(ctx context.Context, encoded string, trusted []Publisher) (jwt.MapClaims, error) {
	if len(encoded) > mostIDToken {
		return nil, badIDToken("it is too long")
	}
	said := jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(encoded, said)
	if err != nil {
		return nil, badIDToken("it cannot be read")
	}
	issuer, _ := said["iss"].(string)
	if !slices.ContainsFunc(trusted, func(p Publisher) bool { return p.Issuer == issuer && a.issues(p.Kind, issuer) }) {
		return nil, errNoTrust
	}
	kid, _ := token.Header["kid"].(string)
	keys, err := a.issuers.keys(ctx, issuer, kid)
	if err != nil {
		a.o.Logger.Warn("auth: the keys of an issuer of id-tokens are not to be had", "issuer", issuer, "error", err)
		return nil, &Error{Kind: Busy, Reason: "The keys of the id-token's issuer are not to be had now. Please try again."}
	}
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods(idMethods), jwt.WithAudience(a.o.OIDC.Audience), jwt.WithIssuer(issuer), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(clockLeeway), jwt.WithTimeFunc(a.o.Now), jwt.WithStrictDecoding())
	if _, err := parser.ParseWithClaims(encoded, claims, keys); err != nil {
		return nil, badIDToken(whyNot(err))
	}
	if at, err := claims.GetIssuedAt(); err != nil || at == nil || a.o.Now().Sub(at.Time) > oldIDToken {
		return nil, badIDToken("it was issued too long ago")
	}
	return claims, nil
}

// issues reports whether an issuer is the one of a kind of publisher.
func (a *Auth) issues(kind, issuer string) bool {
	base := a.o.OIDC.Issuers[kind]
	if kind == "circleci" {
		org, below := strings.CutPrefix(issuer, base+"/org/")
		return base != "" && below && org != "" && !strings.ContainsAny(org, "/?#%")
	}
	return base != "" && issuer == base
}

// whyNot is what is wrong with an id-token, for who sent it.
func whyNot(err error) string {
	for _, known := range []struct {
		is  error
		why string
	}{
		{jwt.ErrTokenExpired, "it has expired"}, {jwt.ErrTokenNotValidYet, "it is not valid yet"}, {jwt.ErrTokenUsedBeforeIssued, "it is not valid yet"},
		{jwt.ErrTokenInvalidAudience, "it was made for another registry"}, {jwt.ErrTokenRequiredClaimMissing, "it does not say until when it is valid, or for whom"},
	} {
		if errors.Is(err, known.is) && !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
			return known.why
		}
	}
	return "its signature is not its issuer's"
}

// useIDToken notes that an id-token was used for a package, durably and for all regions: who reads it in a log of a build
// cannot use it again. GitLab gives a job one token for all the packages that it publishes.
func (a *Auth) useIDToken(ctx context.Context, encoded, pkg string, claims jwt.MapClaims) error {
	said := encoded[:strings.LastIndexByte(encoded, '.')] // signatures can be written in several ways
	if id, _ := claims["jti"].(string); id != "" {
		said = id
	}
	end, err := claims.GetExpirationTime()
	if err != nil {
		return badIDToken("it does not say until when it is valid, or for whom")
	}
	sum := sha256.Sum256([]byte(claims["iss"].(string) + "\n" + said + "\n" + pkg))
	doc := object{textMember("type", "id-token"), textMember("package", pkg), textMember("expires", end.Add(clockLeeway).UTC().Format(timeForm))}
	_, err = a.sessions.Put(ctx, "id-token:"+hex.EncodeToString(sum[:]), json.RawMessage(doc.marshal()))
	switch {
	case kivik.HTTPStatus(err) == http.StatusConflict:
		return errReplayed
	case err != nil:
		return fmt.Errorf("auth: note an id-token: %w", err)
	}
	return nil
}
