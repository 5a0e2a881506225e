package main

import (
	"errors"
	"flag"
	"time"

	"settee/registry"
)

// publishSettings say what may be undone of what was published.
type publishSettings struct {
	within    time.Duration
	downloads int
}

func (p *publishSettings) flags(fs *flag.FlagSet) {
	fs.DurationVar(&p.within, "unpublish-within", 72*time.Hour, "`TIME` after a publish in which its owners may undo it; 0: never")
	fs.IntVar(&p.downloads, "unpublish-downloads", 300, "`NUMBER` of downloads a week that are too many to unpublish later, which must have one owner and no package here that needs it; 0: never later")
}

func (p *publishSettings) check() error {
	if p.within < 0 || p.downloads < 0 {
		return errors.New("--unpublish-within and --unpublish-downloads: want nothing below 0")
	}
	return nil
}

// to hands them on: a registry takes 0 for what it does by itself.
func (p *publishSettings) to(o *registry.Options) {
	o.UnpublishWithin, o.UnpublishDownloads = p.within, p.downloads
	if p.within == 0 {
		o.UnpublishWithin = -1
	}
	if p.downloads == 0 {
		o.UnpublishDownloads = -1
	}
}
