package auth

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"hash"
	"strings"
)

const (
	// defaultIterations is CouchDB 3.5's: about 0.15 s of one core.
	defaultIterations = 600_000
	// defaultMaxIterations refuses a document that would hold a core for many
	// seconds a guess. CouchDB's default is mostIterations, which holds it for minutes.
	defaultMaxIterations = 10_000_000
	mostIterations       = 1_000_000_000
	// absentIterations are those of a document that does not say, as in CouchDB.
	absentIterations = 10_000
)

// The schemes and the names of hash functions are CouchDB's.
const (
	schemePBKDF2       = "pbkdf2"
	schemeSimple       = "simple"
	schemeSimplePBKDF2 = "simple+pbkdf2"
	prfSHA256          = "sha256"
)

var prfs = map[string]func() hash.Hash{
	"": sha1.New, "sha": sha1.New, "sha1": sha1.New,
	"sha224": sha256.New224, prfSHA256: sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

// credentials are the hash members of a user's document.
type credentials struct {
	scheme, prf, salt string
	iterations        int
	key               string // derived_key or password_sha, lower-case hex
}

func parseCredentials(doc object) credentials {
	c := credentials{scheme: doc.text("password_scheme"), prf: doc.text("pbkdf2_prf"), salt: doc.text("salt")}
	if c.scheme == "" {
		c.scheme = schemeSimple // what CouchDB before 1.3 wrote
	}
	if !doc.scan("iterations", &c.iterations) && !doc.has("iterations") {
		c.iterations = absentIterations
	}
	c.key = doc.text("derived_key")
	if c.scheme == schemeSimple {
		c.key = doc.text("password_sha")
	}
	c.key = strings.ToLower(c.key)
	return c
}

// A policy is how new passwords are hashed.
type policy struct {
	scheme, prf string
	iterations  int
}

var errCannotHash = &Error{Kind: Forbidden, Reason: "Server cannot hash passwords at this time."}

// policy is what [chttpd_auth] says of new passwords.
func (a *Auth) policy() (policy, error) {
	p := policy{
		scheme:     a.conf.text(sectionAuth, "password_scheme", schemePBKDF2),
		prf:        a.conf.text(sectionAuth, "pbkdf2_prf", prfSHA256),
		iterations: max(1, a.conf.number(sectionAuth, "iterations", a.o.Iterations)),
	}
	if p.scheme != schemePBKDF2 && p.scheme != schemeSimple || p.prf == "" || prfs[p.prf] == nil {
		return p, errCannotHash
	}
	return p, nil
}

// newCredentials hashes a password in CouchDB 3.5's form. The salt is new unless one is given.
func newCredentials(password, salt string, p policy) (credentials, error) {
	if salt == "" {
		var random [16]byte
		rand.Read(random[:])
		salt = hex.EncodeToString(random[:])
	}
	c := credentials{scheme: p.scheme, salt: salt}
	if p.scheme == schemePBKDF2 {
		c.prf, c.iterations = p.prf, p.iterations
	}
	var err error
	c.key, err = c.derive(password)
	return c, err
}

// bounds refuses hashes whose work [chttpd_auth] does not allow.
func (a *Auth) bounds(c credentials) error {
	switch {
	case c.scheme != schemePBKDF2 && c.scheme != schemeSimplePBKDF2:
		return nil
	case c.iterations < a.conf.number(sectionAuth, "min_iterations", 1):
		return forbidden("Iteration count is too low for this server")
	case c.iterations > min(mostIterations, a.conf.number(sectionAuth, "max_iterations", defaultMaxIterations)):
		return forbidden("Iteration count is too high for this server")
	}
	return nil
}

// derive computes what key must be if the password is right; "" for a scheme or
// parameters that cannot be computed. The salt is used as text, as CouchDB does.
func (c credentials) derive(password string) (string, error) {
	simple := func() string {
		sum := sha1.Sum([]byte(password + c.salt))
		return hex.EncodeToString(sum[:])
	}
	switch c.scheme {
	case schemeSimple:
		return simple(), nil
	case schemeSimplePBKDF2:
		password = simple()
	case schemePBKDF2:
	default:
		return "", nil
	}
	prf := prfs[c.prf]
	if prf == nil || c.iterations < 1 || c.iterations > mostIterations {
		return "", nil
	}
	key, err := pbkdf2.Key(prf, password, []byte(c.salt), c.iterations, prf().Size())
	return hex.EncodeToString(key), err
}

func (c credentials) verify(password string) (bool, error) {
	key, err := c.derive(password)
	return key != "" && subtle.ConstantTimeCompare([]byte(key), []byte(c.key)) == 1, err
}

// current reports whether the hash is as strong as one made today.
func (c credentials) current(p policy) bool {
	return c.scheme == p.scheme && (c.scheme == schemeSimple || c.prf == p.prf && c.iterations >= p.iterations)
}

// rounds is the work that verify does, counted in rounds of SHA-256.
func (c credentials) rounds() int {
	if c.scheme != schemePBKDF2 && c.scheme != schemeSimplePBKDF2 || c.iterations < 1 || c.iterations > mostIterations || prfs[c.prf] == nil {
		return 0
	}
	return c.iterations
}

func (c credentials) members() object {
	if c.scheme == schemeSimple {
		return object{textMember("password_scheme", c.scheme), textMember("salt", c.salt), textMember("password_sha", c.key)}
	}
	return object{
		textMember("password_scheme", c.scheme), textMember("pbkdf2_prf", c.prf), textMember("salt", c.salt),
		jsonMember("iterations", c.iterations), textMember("derived_key", c.key),
	}
}

func textMember(name, value string) member { return jsonMember(name, value) }

func jsonMember(name string, value any) member {
	raw, _ := json.Marshal(name) // strings, numbers and lists of strings always marshal
	v, _ := json.Marshal(value)
	return member{name: name, raw: raw, value: v}
}
