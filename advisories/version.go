package advisories

import (
	"errors"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// mostNumber is the largest number in a version that npm reads: JavaScript's largest exact integer.
const mostNumber = 1<<53 - 1

var errVersion = errors.New("not a version")

// parseVersion reads a version as OSV records and lockfiles spell it: "1", "1.2" and "v1.2.3" are
// versions too. The result has no build metadata, which orders nothing.
func parseVersion(s string) (*semver.Version, error) {
	s = strings.TrimSpace(s)
	v, err := semver.StrictNewVersion(s)
	if err != nil {
		v, err = semver.NewVersion(strings.TrimLeft(s, "=v "))
	}
	if err != nil || max(v.Major(), v.Minor(), v.Patch()) > mostNumber {
		return nil, errVersion
	}
	for part := range strings.SplitSeq(v.Prerelease(), ".") {
		if n, err := strconv.ParseUint(part, 10, 64); err == nil && n > mostNumber || errors.Is(err, strconv.ErrRange) {
			return nil, errVersion // npm and semver compare such numbers differently
		}
	}
	if v.Metadata() != "" {
		plain, _ := v.SetMetadata("") // nothing is always valid
		v = &plain
	}
	return v, nil
}
