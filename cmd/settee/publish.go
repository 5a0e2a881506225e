package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"settee/manifest"
	"settee/registry"
)

// publishSettings say what may be undone of what was published.
type publishSettings struct {
	within    time.Duration
	downloads int
	popular   string

	names *manifest.Popular // as check read them; nil: the built-in ones
}

func (p *publishSettings) flags(fs *flag.FlagSet) {
	fs.DurationVar(&p.within, "unpublish-within", 72*time.Hour, "`TIME` after a publish in which its owners may undo it; 0: never")
	fs.IntVar(&p.downloads, "unpublish-downloads", 300, "`NUMBER` of downloads a week that are too many to unpublish later, which must have one owner and no package here that needs it; 0: never later")
	fs.StringVar(&p.popular, "popular-names", "", "`FILE` of the names that new packages must not come too near to, and of the @scopes of an --upstream that newcomers do not get, one a line, in place of the 3,000 and 1,000 built in; an empty file: none")
}

func (p *publishSettings) check() error {
	if p.within < 0 || p.downloads < 0 {
		return errors.New("--unpublish-within and --unpublish-downloads: want nothing below 0")
	}
	if p.popular == "" {
		return nil
	}
	text, err := os.ReadFile(p.popular)
	if err == nil {
		p.names, err = manifest.ParsePopular(text)
	}
	if err != nil {
		return fmt.Errorf("--popular-names %s: %w", p.popular, err)
	}
	return nil
}

// to hands them on: a registry takes 0 for what it does by itself.
func (p *publishSettings) to(o *registry.Options) {
	o.UnpublishWithin, o.UnpublishDownloads, o.Popular = p.within, p.downloads, p.names
	if p.within == 0 {
		o.UnpublishWithin = -1
	}
	if p.downloads == 0 {
		o.UnpublishDownloads = -1
	}
}
