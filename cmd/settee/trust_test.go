package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/fixtures/sigstore"
)

func TestTrustSettings(t *testing.T) {
	var s trustSettings
	require.NoError(t, s.check(""))
	require.Equal(t, auth.OIDC{Issuers: auth.WellKnownIssuers}, s.oidc, "no id-token is for a registry that does not know its address")
	require.NotNil(t, s.root)

	s = trustSettings{issuers: many{"gitlab=https://gitlab.example.com/", "circleci=off"}}
	require.NoError(t, s.check("https://npm.example.com:8443/npm"))
	require.Equal(t, "npm:npm.example.com", s.oidc.Audience)
	require.Equal(t, map[string]string{"github": auth.WellKnownIssuers["github"], "gitlab": "https://gitlab.example.com"}, s.oidc.Issuers)
	require.Contains(t, auth.WellKnownIssuers, "circleci", "which nobody changed")

	for _, bad := range []string{"jenkins=https://x", "github", "github=", "github=ftp://x", "github=https://u:p@x", "github=https://x?y", "github=https://x#y", "=https://x"} {
		s = trustSettings{issuers: many{bad}}
		require.ErrorContains(t, s.check(""), "--oidc-issuer", bad)
	}

	file := filepath.Join(t.TempDir(), "trusted_root.json")
	s = trustSettings{rootFile: file}
	require.ErrorContains(t, s.check(""), "--trusted-root")
	require.NoError(t, os.WriteFile(file, []byte("{}"), 0o600))
	require.ErrorContains(t, s.check(""), "--trusted-root")
	require.NoError(t, os.WriteFile(file, sigstore.New(t).Root(), 0o600))
	require.NoError(t, s.check(""))
}
