package upstream

import (
	"context"
	"strings"
)

// mostVia bounds what is carried along of a request: ten registries in a row are a circle too.
const mostVia = 10

type viaKey struct{}

// WithVia has requests that are sent for ctx carry the Via of the request that they are sent for.
func WithVia(ctx context.Context, values []string) context.Context {
	if len(values) == 0 {
		return ctx
	}
	return context.WithValue(ctx, viaKey{}, strings.Join(values, ", "))
}

// carried is ctx with the Via of what it is done for.
func carried(ctx, from context.Context) context.Context {
	if before := from.Value(viaKey{}); before != nil {
		return context.WithValue(ctx, viaKey{}, before)
	}
	return ctx
}

// via is what a request for ctx carries.
func via(ctx context.Context, self string) string {
	if before, ok := ctx.Value(viaKey{}).(string); ok {
		return before + ", 1.1 " + self
	}
	return "1.1 " + self
}

// circling reports whether what is done for ctx has been here before.
func circling(ctx context.Context, self string) bool {
	before, ok := ctx.Value(viaKey{}).(string)
	return ok && (strings.Contains(before, self) || strings.Count(before, ",")+1 >= mostVia)
}
