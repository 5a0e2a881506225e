package main

import (
	"flag"
	"fmt"

	"settee/provenance"
)

// trustSettings say whom attestations of builds are believed.
type trustSettings struct {
	rootFile string

	root *provenance.Root // as check read it
}

func (t *trustSettings) flags(fs *flag.FlagSet) {
	fs.StringVar(&t.rootFile, "trusted-root", "", "`FILE` of the Sigstore whose provenance bundles are believed, its trusted_root.json; without it the public one, as it was when this was built")
}

func (t *trustSettings) check() (err error) {
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
