package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/tarballs"
	"settee/upstream"
)

// upstreamSettings say which other registries are asked, and what of them is shown.
type upstreamSettings struct {
	targets, tokens, deny, allow, except, inside many
	feeds                                        many
	fresh, cooldown, mirror                      string

	options upstream.Options // as check read them
}

func (u *upstreamSettings) flags(fs *flag.FlagSet) {
	fs.Var(&u.targets, "upstream", "`[PATTERN=]URL` of a registry that packages are read through from: of a @scope or of names like left-*, without a pattern all that is not here; credentials may be in the URL; may be given again, in the environment with spaces between")
	fs.Var(&u.tokens, "upstream-token", "`NAME=TOKEN` for the --upstream with that pattern or host; may be given again")
	fs.StringVar(&u.fresh, "upstream-fresh", "5m", "`TIME` that what was read through is believed; after that it is served while it is asked for again")
	fs.Var(&u.deny, "upstream-deny", "`PATTERN[@RANGE]` of packages that are never read through, or of their versions: lodash@<4.17.21; may be given again")
	fs.Var(&u.allow, "upstream-allow", "`PATTERN[@RANGE]` of packages that may be read through, and no others; may be given again")
	fs.StringVar(&u.cooldown, "cooldown", "0", "`TIME` that a version of a package read through is hidden after its publish: 7d, 36h")
	fs.Var(&u.except, "cooldown-except", "`PATTERN[@RANGE]` of what --cooldown does not hide; may be given again")
	fs.StringVar(&u.mirror, "upstream-mirror", "", "`known|all`: follow the _changes of each --upstream, and keep what was read through, or every package, as it is there")
	fs.Var(&u.feeds, "upstream-feed", "`[PATTERN=]URL` of the _changes of the --upstream with that pattern, where it is not at its own address; may be given again")
	fs.Var(&u.inside, "upstream-inside", "`CIDR` of inside addresses that an --upstream may redirect or link to; may be given again")
}

// check reads the flags.
func (u *upstreamSettings) check() error {
	o := upstream.Options{}
	for i, given := range u.targets {
		t, err := upstream.ParseTarget(given)
		if err != nil {
			return fmt.Errorf("--upstream %s: %w", patternOf(given, i), err)
		}
		for _, other := range o.Targets {
			if strings.EqualFold(other.Pattern.String(), t.Pattern.String()) {
				return fmt.Errorf("--upstream %s: it is given twice", patternOf(given, i))
			}
		}
		o.Targets = append(o.Targets, t)
	}
	for i, given := range u.tokens {
		name, token, ok := strings.Cut(given, "=")
		if !ok || name == "" || token == "" {
			return fmt.Errorf("--upstream-token %d: want NAME=TOKEN", i+1)
		}
		found := false
		for j := range o.Targets {
			found = o.Targets[j].Authorize(name, token) || found
		}
		if !found {
			return fmt.Errorf("--upstream-token %s: there is no --upstream with that pattern or host", name)
		}
	}
	if err := u.checkMirror(&o); err != nil {
		return err
	}
	for name, f := range map[string]struct {
		given many
		into  *[]upstream.Pattern
	}{"upstream-deny": {u.deny, &o.Rules.Deny}, "upstream-allow": {u.allow, &o.Rules.Allow}, "cooldown-except": {u.except, &o.Rules.Except}} {
		for _, text := range f.given {
			p, err := upstream.ParsePattern(text)
			if err != nil {
				return fmt.Errorf("--%s %w", name, err)
			}
			*f.into = append(*f.into, p)
		}
	}
	for name, f := range map[string]struct {
		given string
		into  *time.Duration
	}{"upstream-fresh": {u.fresh, &o.Fresh}, "cooldown": {u.cooldown, &o.Rules.Cooldown}} {
		d, err := parseDays(f.given)
		if err != nil {
			return fmt.Errorf("--%s %q: want a time like 5m, 36h or 7d", name, f.given)
		}
		*f.into = d
	}
	inside, err := networksOf("upstream-inside", u.inside)
	if err != nil {
		return err
	}
	o.Inside = inside
	if len(o.Targets) == 0 && (o.Rules.Cooldown > 0 || len(u.deny)+len(u.allow)+len(u.except) > 0) {
		return errors.New("--cooldown, --upstream-deny and --upstream-allow want --upstream URL: they are about what is read through")
	}
	u.options = o
	return nil
}

// checkMirror reads --upstream-mirror and --upstream-feed.
func (u *upstreamSettings) checkMirror(o *upstream.Options) error {
	o.Mirror = upstream.Mirror(u.mirror)
	switch o.Mirror {
	case upstream.MirrorNone, upstream.MirrorKnown, upstream.MirrorAll:
	default:
		return fmt.Errorf("--upstream-mirror %q: want known or all", u.mirror)
	}
	if o.Mirror != upstream.MirrorNone && len(o.Targets) == 0 {
		return errors.New("--upstream-mirror wants --upstream URL: there is nothing else to follow")
	}
	if len(u.feeds) > 0 && o.Mirror == upstream.MirrorNone {
		return errors.New("--upstream-feed wants --upstream-mirror known or all")
	}
	for i, given := range u.feeds {
		pattern, location := "", given
		if before, after, ok := strings.Cut(given, "="); ok && !strings.Contains(before, "://") {
			pattern, location = before, after
		}
		at := slices.IndexFunc(o.Targets, func(t upstream.Target) bool { return strings.EqualFold(t.Pattern.String(), pattern) })
		if at < 0 {
			return fmt.Errorf("--upstream-feed %s: there is no --upstream with that pattern", patternOf(given, i))
		}
		if err := o.Targets[at].Follow(location); err != nil {
			return fmt.Errorf("--upstream-feed %s: %w", patternOf(given, i), err)
		}
	}
	return nil
}

// patternOf is what stands before an upstream's URL, or which one it is: never the URL, which may hold a password.
func patternOf(given string, i int) string {
	if pattern, rest, ok := strings.Cut(given, "="); ok && strings.Contains(rest, "://") && !strings.Contains(pattern, "://") {
		return pattern
	}
	return strconv.Itoa(i + 1)
}

// parseDays reads a time, in which days may be written as 7d.
func parseDays(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = errors.New("it is below 0")
	}
	return d, err
}

// openUpstream begins to read through; nil where no registry is to be asked.
func (h *house) openUpstream(ctx context.Context, client *kivik.Client, blobs tarballs.Store, s settings, log *slog.Logger) (*upstream.Reader, error) {
	o := s.upstream.options
	if len(o.Targets) == 0 {
		return nil, nil
	}
	o.Agent, o.Guard, o.Logger = "settee/"+release(), s.db != "", log
	r, err := upstream.Open(ctx, client, blobs, o)
	if err != nil {
		return nil, err
	}
	h.closing(r.Close)
	return r, nil
}
