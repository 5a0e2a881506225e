package main

import (
	"flag"
	"fmt"
	"maps"
	"net/url"
	"strings"

	"settee/auth"
	"settee/provenance"
)

// trustSettings say whom attestations and id-tokens of builds are believed.
type trustSettings struct {
	rootFile string
	issuers  many

	root *provenance.Root // as check read it
	oidc auth.OIDC        // likewise
}

func (t *trustSettings) flags(fs *flag.FlagSet) {
	fs.StringVar(&t.rootFile, "trusted-root", "", "`FILE` of the Sigstore whose provenance bundles are believed, its trusted_root.json; without it the public one, as it was when this was built")
	fs.Var(&t.issuers, "oidc-issuer", "`KIND=URL` of whose id-tokens trusted publishers bring, in place of the public one: github, gitlab or circleci; URL may be off; may be given again. They are for the host of --public-url, without which none is taken")
}

// check reads the flags. Builds make id-tokens for one registry, by the host that site has.
func (t *trustSettings) check(site string) (err error) {
	if u, err := url.Parse(site); err == nil && u.Hostname() != "" {
		t.oidc.Audience = "npm:" + u.Hostname()
	}
	t.oidc.Issuers = maps.Clone(auth.WellKnownIssuers)
	for _, given := range t.issuers {
		kind, at, _ := strings.Cut(given, "=")
		u, err := url.Parse(at)
		switch {
		case auth.WellKnownIssuers[kind] == "":
			return fmt.Errorf("--oidc-issuer %q: want github=URL, gitlab=URL or circleci=URL", given)
		case at == off:
			delete(t.oidc.Issuers, kind)
			continue
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
			return fmt.Errorf("--oidc-issuer %q: want an address like https://gitlab.example.com", given)
		}
		t.oidc.Issuers[kind] = strings.TrimSuffix(at, "/")
	}
	if t.rootFile == "" {
		t.root, err = provenance.PublicRoot()
	} else {
		t.root, err = provenance.ReadRoot(t.rootFile)
	}
	if err != nil {
		return fmt.Errorf("--trusted-root: %w", err)
	}
	return nil
}
