package registry

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/go-kivik/kivik/v4"

	"settee/auth"
	"settee/hooks"
	"settee/views/packuments"
)

// hooked tells hooks of packages.
type hooked struct{ r *Registry }

// Hooked is what package hooks asks of packages.
func (r *Registry) Hooked() hooks.Packages { return hooked{r} }

// Readable implements hooks.Packages.
func (h hooked) Readable(ctx context.Context, hook *hooks.Hook, name string) (bool, error) {
	who, account, err := h.r.auth.InName(ctx, hook.Username)
	var refused *auth.Error
	if errors.As(err, &refused) && refused.Kind == auth.NotFound {
		return false, nil
	}
	if err != nil || !account.Created.Equal(hook.Account) {
		return false, err
	}
	e, err := h.r.cache.entryOf(ctx, PackageName(name), "")
	if err != nil || e.doc == nil {
		return false, err // nobody knows any more who might
	}
	return h.r.may(ctx, who, auth.Read, PackageName(name), e.doc) == nil, nil
}

// Payload implements hooks.Packages.
func (h hooked) Payload(ctx context.Context, name string) (json.RawMessage, error) {
	e, err := h.r.cache.entryOf(ctx, PackageName(name), "")
	if err != nil || e.doc == nil {
		return nil, err
	}
	return e.doc.full(h.r.o.PublicURL), nil
}

// Maintained implements hooks.Packages.
func (h hooked) Maintained(ctx context.Context, user string) ([]string, error) {
	names, err := h.r.names(h.r.db.Query(ctx, packuments.Name, "by-maintainer", kivik.Params(map[string]any{"key": user, "reduce": false})))
	plain := make([]string, len(names))
	for i, name := range names {
		plain[i] = string(name)
	}
	return plain, err
}
