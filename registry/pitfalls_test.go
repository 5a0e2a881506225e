package registry

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pitfalls are the points of section 8 of the notes on npm's API, in their order: what went wrong in registries that were
// there before. What clients do of it is shown with them besides: fixtures/e2e (3, 7, 16, 28, 31, 32, 33) and cmd/settee (15, 17).
var pitfalls = []struct {
	words string
	show  func(t *testing.T)
}{
	{"links are of the origin that was asked", linksOfOrigin},
	{"lockfiles find what they name for ever", lockedLinks},
	{"file names of scopes are conventional", scopedFiles},
	{"slashes in names come encoded or not", encodedSlashes},
	{"large packuments are made once", largeAnswers},
	{"every version has its time", timesOfVersions},
	{"latest", latestMoves},
	{"publishes race", publishRaces},
	{"what is edited is fresh", editedIsFresh},
	{"each coding has its ETag", codedETags},
	{"tarballs are what they were", tarballIntegrity},
	{"who may not is told rightly", refusals},
	{"successes tell no error", successes},
	{"bodies have a limit that is told", bodyLimits},
	{"connections are kept", keptConnections},
	{"nothing redirects", redirects},
	{"paths are joined with slashes to spare", joinedPaths},
	{"a sign in on the web is JSON", webLogins},
	{"nobody is nobody", anonymous},
	{"fields of all types pass", oddFields},
	{"names of all kinds are apart", apartNames},
	{"deprecations of all versions", deprecations},
	{"who is to come again is told when", comingAgain},
	{"headers that clients read are there", headers},
	{"audits are answered", audits},
	{"searches have what npm reads", searches},
	{"tombstones are absent", tombstones},
	{"everything is signed once there are keys", signed},
	{"nobody needs credentials for what is public", alwaysAuth},
	{"modified moves with every change", modifiedMoves},
	{"upstream's signatures pass a mirror", mirroredSignatures},
	{"polls of the web are told to wait", webPolls},
	{"answers have what npm dereferences", dereferenced},
}

func TestPitfalls(t *testing.T) {
	require.Len(t, pitfalls, 33)
	for i, p := range pitfalls {
		t.Run(fmt.Sprintf("%02d_%s", i+1, strings.ReplaceAll(p.words, " ", "_")), p.show)
	}
}

func (h *house) json(path string, headers ...string) dict {
	res := h.do("GET", path, "", nil, headers...)
	require.Equal(h.t, 200, res.Status, "%s", res.Body)
	return res.JSON()
}

func (h *house) tryVersion(name, version string) reply {
	return h.do("PUT", "/"+name, h.bob, publishDoc(h.t, name, version, sampleTarball(h.t, name, version, 10)))
}
