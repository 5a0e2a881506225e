package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

const (
	sectionJWT  = "jwt_auth"
	sectionKeys = "jwt_keys"
)

// keyTypes are the algorithms that are believed, each with the type of its key: a
// key of [jwt_keys] serves its own type only, so that a public key is never taken
// for a secret.
var keyTypes = map[string]string{
	"HS256": "hmac", "HS384": "hmac", "HS512": "hmac", "RS256": "rsa", "RS384": "rsa", "RS512": "rsa",
	"ES256": "ec", "ES384": "ec", "ES512": "ec",
}

// jwtParser checks form and signature; claims are this package's matter.
var jwtParser = jwt.NewParser(jwt.WithValidMethods([]string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}),
	jwt.WithoutClaimsValidation(), jwt.WithJSONNumber(), jwt.WithStrictDecoding())

var (
	errTokenForm = badRequest("Malformed token")
	errNoSubject = &Error{Kind: Unauthorized, Reason: "Token missing sub claim."}
)

// jwt is the handler "jwt": Authorization: Bearer with a JSON Web Token, signed by
// a key of [jwt_keys]. Its claim sub is the name.
func (a *Auth) jwt(r *http.Request) (Identity, error) {
	encoded, ok := bearerOf(r)
	if !ok {
		return Identity{}, nil
	}
	claims := jwt.MapClaims{}
	token, err := jwtParser.ParseWithClaims(encoded, claims, a.jwtKey)
	if err != nil {
		return Identity{}, refusedToken(token, err)
	}
	if err := a.checkClaims(token.Header, claims); err != nil {
		return Identity{}, err
	}
	roles, err := a.claimedRoles(claims)
	if err != nil {
		return Identity{}, err
	}
	name, _ := claims["sub"].(string)
	if name == "" {
		return Identity{}, errNoSubject
	}
	return Identity{Name: name, Roles: roles, Handler: handlerJWT}, nil
}

// refusedToken is what was wrong, in CouchDB's words.
func refusedToken(token *jwt.Token, err error) error {
	var ours *Error
	if errors.As(err, &ours) {
		return ours
	}
	if token == nil || errors.Is(err, jwt.ErrTokenMalformed) {
		return errTokenForm
	}
	switch algorithm, named := token.Header["alg"].(string); {
	case !named:
		return badRequest("Missing alg header parameter")
	case keyTypes[algorithm] == "":
		return badRequest("Invalid alg header parameter")
	case keyTypes[algorithm] == "hmac":
		return badRequest("Bad HMAC")
	}
	return badRequest("Bad signature")
}

// A jwtKey is a value of [jwt_keys] and the key that it spells.
type jwtKey struct {
	text string
	key  any
}

// jwtKey is the key of a token's algorithm and kid; those without one have the kid "_default".
func (a *Auth) jwtKey(token *jwt.Token) (any, error) {
	algorithm := token.Method.Alg()
	if allowed := a.conf.list(sectionJWT, "allowed_algorithms"); len(allowed) > 0 && !slices.Contains(allowed, algorithm) {
		return nil, badRequest("Invalid alg header parameter")
	}
	kid, given := "_default", false
	if kid, given = token.Header["kid"].(string); !given {
		if token.Header["kid"] != nil {
			return nil, errTokenForm
		}
		kid = "_default"
	}
	name := keyTypes[algorithm] + ":" + kid
	text, set := a.conf.Setting(sectionKeys, name)
	if !set {
		return nil, badRequest("Unknown kid")
	}
	if kept, ok := a.jwtKeys.Load(name); ok && kept.(*jwtKey).text == text {
		return kept.(*jwtKey).key, nil
	}
	key, err := parseKey(keyTypes[algorithm], text)
	if err != nil {
		return nil, err
	}
	a.jwtKeys.Store(name, &jwtKey{text, key})
	return key, nil
}

// parseKey reads base64 of a secret, or a public key as PEM whose line ends are
// spelt \n.
func parseKey(keyType, text string) (key any, err error) {
	pem := []byte(strings.ReplaceAll(text, `\n`, "\n"))
	switch keyType {
	case "rsa":
		if key, err = jwt.ParseRSAPublicKeyFromPEM(pem); err != nil {
			return nil, badRequest("not an RSA public key")
		}
	case "ec":
		if key, err = jwt.ParseECPublicKeyFromPEM(pem); err != nil {
			return nil, badRequest("not an EC public key")
		}
	default:
		secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil || len(secret) == 0 { // anybody could sign with an empty secret
			return nil, badRequest("Not a valid key")
		}
		return secret, nil
	}
	return key, nil
}

// claimPattern is one of [jwt_auth] required_claims: exp, or {iss, "value"}.
var claimPattern = regexp.MustCompile(`\{\s*([a-z]+)\s*,\s*"([^"]+)"\s*\}|([a-z]+)`)

// checkClaims checks what required_claims asks for, and the times in any case.
func (a *Auth) checkClaims(header map[string]any, claims jwt.MapClaims) error {
	spec := a.conf.text(sectionJWT, "required_claims", "exp")
	required := claimPattern.FindAllStringSubmatch(spec, -1)
	if required == nil && strings.TrimSpace(spec) != "" {
		return fmt.Errorf("auth: [jwt_auth] required_claims cannot be read: %q", spec)
	}
	for _, one := range required {
		name, value, where := one[1]+one[3], one[2], "claim"
		got, has := claims[name]
		if name == "alg" || name == "typ" || name == "kid" {
			got, has = header[name]
			where = "header parameter"
		}
		if !has {
			return badRequest("Missing " + name + " " + where)
		}
		if value != "" && !holds(got, value) || name == "typ" && got != "JWT" {
			return badRequest("Invalid " + name + " " + where)
		}
	}
	return a.checkTimes(claims)
}

// holds reports whether a claim is the value, or a list with it.
func holds(claim any, value string) bool {
	list, many := claim.([]any)
	return claim == value || many && slices.Contains(list, any(value))
}

func (a *Auth) checkTimes(claims jwt.MapClaims) error {
	now := float64(a.o.Now().Unix())
	for _, name := range []string{"iat", "nbf", "exp"} {
		claim, has := claims[name]
		if !has {
			continue
		}
		number, _ := claim.(json.Number)
		at, err := number.Float64()
		switch {
		case err != nil:
			return badRequest("Invalid " + name + " claim")
		case name == "nbf" && at > now:
			return &Error{Kind: Unauthorized, Reason: "nbf not in past"}
		case name == "exp" && at <= now:
			return &Error{Kind: Unauthorized, Reason: "exp not in future"}
		}
	}
	return nil
}

// claimedRoles are a list, or a string with commas, at roles_claim_path or in the
// claim roles_claim_name. CouchDB believes _admin there: who signs decides.
func (a *Auth) claimedRoles(claims jwt.MapClaims) ([]string, error) {
	claim, has := any(nil), false
	if path := a.conf.text(sectionJWT, "roles_claim_path", ""); path != "" {
		claim = map[string]any(claims)
		for _, name := range claimPath(path) {
			inner, _ := claim.(map[string]any)
			if claim, has = inner[name]; !has {
				return nil, &Error{Kind: NotFound, Reason: "missing json key: " + name}
			}
		}
	} else if claim, has = claims[a.conf.text(sectionJWT, "roles_claim_name", "_couchdb.roles")]; !has {
		return []string{}, nil
	}
	if text, ok := claim.(string); ok {
		return splitRoles(text), nil
	}
	list, ok := claim.([]any)
	roles := make([]string, 0, len(list))
	for _, one := range list {
		role, isText := one.(string)
		ok = ok && isText
		roles = append(roles, role)
	}
	if !ok {
		return nil, errTokenForm
	}
	return roles, nil
}

// claimPath splits at dots that have no backslash before them.
func claimPath(path string) (names []string) {
	name := ""
	for i := 0; i < len(path); i++ {
		switch {
		case path[i] == '\\' && i+1 < len(path) && path[i+1] == '.':
			name += "."
			i++
		case path[i] == '.':
			names, name = append(names, name), ""
		default:
			name += path[i : i+1]
		}
	}
	return append(names, name)
}
