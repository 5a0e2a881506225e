package main

import (
	"context"
	"flag"
	"log/slog"

	"github.com/go-kivik/kivik/v4"

	"settee/advisories"
	"settee/auth/limit"
	"settee/hooks"
	"settee/registry"
)

// hookSettings say where hooks may lead.
type hookSettings struct {
	allow many

	inside limit.Networks // as check read allow
}

func (k *hookSettings) flags(fs *flag.FlagSet) {
	fs.Var(&k.allow, "hooks-allow", "`CIDR` inside your network that hooks may lead to; without it only addresses outside; may be given again")
}

// check reads the flags.
func (k *hookSettings) check() (err error) {
	k.inside, err = networksOf("hooks-allow", k.allow)
	return err
}

// openTold opens what is known of flaws, and who is told of what happens, into the options of the registry.
func (h *house) openTold(ctx context.Context, client *kivik.Client, s settings, log *slog.Logger, o *registry.Options) error {
	known, err := advisories.Open(ctx, client, advisories.Options{Logger: log})
	if err != nil {
		return err
	}
	h.closing(known.Close)
	o.Advisories = known
	o.Hooks, err = hooks.Open(ctx, client, hooks.Options{Region: s.region, Silent: s.readOnly, Allow: s.hooks.inside, Logger: log})
	if err != nil {
		return err
	}
	h.closing(o.Hooks.Close)
	return nil
}
