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
	// maxIterations refuses a document that would hold a core for minutes.
	maxIterations = 10_000_000
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
	doc.scan("iterations", &c.iterations)
	c.key = doc.text("derived_key")
	if c.scheme == schemeSimple {
		c.key = doc.text("password_sha")
	}
	c.key = strings.ToLower(c.key)
	return c
}

// newCredentials hashes a password in CouchDB 3.5's form.
func newCredentials(password string, iterations int) (credentials, error) {
	if iterations <= 0 {
		iterations = defaultIterations
	}
	var salt [16]byte
	rand.Read(salt[:])
	c := credentials{scheme: schemePBKDF2, prf: prfSHA256, salt: hex.EncodeToString(salt[:]), iterations: iterations}
	var err error
	c.key, err = c.derive(password)
	return c, err
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
	if prf == nil || c.iterations < 1 || c.iterations > maxIterations {
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
func (c credentials) current(iterations int) bool {
	return c.scheme == schemePBKDF2 && c.prf == prfSHA256 && c.iterations >= iterations
}

// rounds is the work that verify does, counted in rounds of SHA-256.
func (c credentials) rounds() int {
	if c.scheme != schemePBKDF2 && c.scheme != schemeSimplePBKDF2 || c.iterations < 1 || c.iterations > maxIterations || prfs[c.prf] == nil {
		return 0
	}
	return c.iterations
}

func (c credentials) members() object {
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
