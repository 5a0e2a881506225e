package provenance

import (
	_ "embed" // the public root
	"fmt"
	"os"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

//go:embed sigstore/trusted_root.json
var publicRoot []byte

// Root is whom attestations are believed: certificate authorities, logs and time stamps, in the form
// application/vnd.dev.sigstore.trustedroot+json. It is safe for concurrent use.
type Root struct{ verifier *verify.Verifier }

// PublicRoot is that of the public-good instance of Sigstore, which npm uses, as it was when this was built.
func PublicRoot() (*Root, error) { return ParseRoot(publicRoot) }

// ReadRoot reads one out of a file.
func ReadRoot(path string) (*Root, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("provenance: read a trusted root: %w", err)
	}
	return ParseRoot(raw)
}

// ParseRoot reads one.
func ParseRoot(raw []byte) (*Root, error) {
	trusted, err := root.NewTrustedRootFromJSON(raw)
	if err != nil {
		return nil, fmt.Errorf("provenance: read a trusted root: %w", err)
	}
	v, err := verify.NewVerifier(trusted, verify.WithSignedCertificateTimestamps(1), verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1))
	if err != nil {
		return nil, fmt.Errorf("provenance: read a trusted root: %w", err)
	}
	return &Root{v}, nil
}
