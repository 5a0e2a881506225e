package provenance

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// PredicateTypes are the kinds of attestation that say how a version was built.
var PredicateTypes = []string{"https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"}

// MostBundle bounds a bundle, in bytes: those of build services have 10 to 30 kB.
const MostBundle = 1 << 20

// Subject is what an attestation must be about.
type Subject struct {
	Name, Version string
	Digest        [64]byte // SHA-512 of the tarball
}

// purl is the subject's name in an attestation, as npm spells it.
func (s Subject) purl() string {
	name := s.Name
	if scope, found := strings.CutPrefix(name, "@"); found {
		name = "%40" + scope
	}
	return "pkg:npm/" + name + "@" + s.Version
}

// Attestation is what a bundle proves.
type Attestation struct {
	PredicateType string
	Issuer        string // of the identity: which CI it was
	Repository    string // that was built, an address
	Workflow      string // that built it, an address with the revision it had
	Run           string // its address; may be empty
}

// Refusal says why a bundle proves nothing, in words for who sent it.
type Refusal struct {
	Reason string
	cause  error
}

func (r *Refusal) Error() string {
	if r.cause == nil {
		return r.Reason
	}
	return r.Reason + ": " + r.cause.Error()
}

// Unwrap gives the cause.
func (r *Refusal) Unwrap() error { return r.cause }

func refuse(cause error, format string, args ...any) error {
	return &Refusal{fmt.Sprintf(format, args...), cause}
}

// Verify proves a bundle, or says by a Refusal what is wrong with it.
func (r *Root) Verify(raw []byte, subject Subject) (*Attestation, error) {
	if len(raw) > MostBundle {
		return nil, refuse(nil, "the bundle has more than %d bytes", MostBundle)
	}
	var b bundle.Bundle
	if err := b.UnmarshalJSON(raw); err != nil {
		return nil, refuse(err, "the bundle cannot be read")
	}
	if envelope, err := b.Envelope(); err != nil || len(envelope.Signatures) != 1 {
		return nil, refuse(err, "the bundle must hold one signed statement")
	}
	result, err := r.verifier.Verify(&b, verify.NewPolicy(verify.WithArtifactDigest("sha512", subject.Digest[:]), verify.WithoutIdentitiesUnsafe()))
	if err != nil {
		return nil, refuse(err, "%s", reason(err))
	}
	if result.Signature == nil || result.Signature.Certificate == nil || result.Statement == nil {
		return nil, refuse(nil, "the bundle was signed by a key, not by what has a certificate of its build")
	}
	if err := about(result, subject); err != nil {
		return nil, err
	}
	c := result.Signature.Certificate
	if c.Issuer == "" || c.SourceRepositoryURI == "" || c.BuildSignerURI == "" {
		return nil, refuse(nil, "the bundle was signed by %s, which is no build of a repository", c.SubjectAlternativeName)
	}
	a := &Attestation{result.Statement.GetPredicateType(), c.Issuer, c.SourceRepositoryURI, c.BuildSignerURI, c.RunInvocationURI}
	return a, a.agrees(b)
}

// about compares what a statement says with what it must be about.
func about(result *verify.VerificationResult, subject Subject) error {
	s := result.Statement
	if len(s.GetSubject()) != 1 {
		return refuse(nil, "the statement is about %d things, not about one", len(s.GetSubject()))
	}
	if name := s.GetSubject()[0].GetName(); name != subject.purl() {
		return refuse(nil, "the statement is about %s, not about %s", name, subject.purl())
	}
	if sum := s.GetSubject()[0].GetDigest()["sha512"]; sum != hex.EncodeToString(subject.Digest[:]) {
		return refuse(nil, "the statement is about other bytes than the tarball's")
	}
	if !slices.Contains(PredicateTypes, s.GetPredicateType()) {
		return refuse(nil, "the statement is a %s, not one of %s", s.GetPredicateType(), strings.Join(PredicateTypes, ", "))
	}
	return nil
}

const badCertificate = "the certificate was not issued by a trusted authority, or had ended when it was used"

// reasons puts what sigstore-go says into fewer words.
var reasons = []struct{ said, means string }{
	{"outside certificate validity", badCertificate},
	{"log inclusion", "the transparency log does not prove that it has the signature"},
	{"timestamps", "nothing that is trusted says when it was signed"},
	{"leaf certificate", badCertificate},
	{"signed certificate timestamp", "the certificate was not logged"},
	{"digest", "the statement is about other bytes than the tarball's"},
	{"signature", "the signature does not fit the statement"},
}

func reason(err error) string {
	for _, r := range reasons {
		if strings.Contains(err.Error(), r.said) {
			return r.means
		}
	}
	return "the bundle cannot be verified"
}

// predicate is what statements say of the repository, in either form.
type predicate struct {
	Predicate struct {
		BuildDefinition struct {
			ExternalParameters struct {
				Workflow struct {
					Repository string `json:"repository"`
				} `json:"workflow"`
			} `json:"externalParameters"`
		} `json:"buildDefinition"`
		Invocation struct {
			ConfigSource struct {
				URI string `json:"uri"`
			} `json:"configSource"`
		} `json:"invocation"`
	} `json:"predicate"`
}

// agrees compares what the build said of itself with what its certificate proves.
func (a *Attestation) agrees(b bundle.Bundle) error {
	envelope, err := b.Envelope()
	if err != nil {
		return refuse(err, "the bundle must hold one signed statement")
	}
	payload, err := envelope.DecodeB64Payload()
	if err != nil {
		return refuse(err, "the statement cannot be read")
	}
	var p predicate
	if err := json.NewDecoder(bytes.NewReader(payload)).Decode(&p); err != nil {
		return refuse(err, "the statement cannot be read")
	}
	says := p.Predicate.BuildDefinition.ExternalParameters.Workflow.Repository
	if says == "" {
		says, _, _ = strings.Cut(p.Predicate.Invocation.ConfigSource.URI, "@")
	}
	if says != "" && !SameRepository(says, a.Repository) {
		return refuse(errors.New(says), "the statement says that %s was built, its certificate that %s was", says, a.Repository)
	}
	return nil
}
