package audit

import (
	"context"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"
)

const (
	patience = 20 * time.Second
	pause    = 10 * time.Millisecond
)

func collect(db *kivik.DB, f Filter) (list []Entry, err error) {
	for e, err := range Query(context.Background(), db, f) {
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// TestQuery compares every filter with a plain look through everything.
func TestQuery(t *testing.T) {
	n := newNode(t)
	now := moments()
	for range 2 {
		l := start(t, n.db, Options{Now: now})
		for i := range 150 {
			e := sample(i)
			if e.Act == OrgMember {
				e.On = "carl"
			}
			require.NoError(t, l.Append(context.Background(), e))
		}
	}
	put(t, n.db, map[string]any{"_id": "conflict:pkg@1.0.0", "type": "conflict"})
	all, err := collect(n.db, Filter{})
	require.NoError(t, err)
	require.Len(t, all, 302)
	middle := all[100].At
	for name, f := range map[string]Filter{
		"user": {User: "ada"}, "on whom": {User: "carl"}, "nobody": {User: "zoe"}, "act": {Act: PackageTag}, "family": {Act: "package"}, "failures": {Failed: true},
		"package": {Package: "pkg-3"}, "since": {Since: middle}, "until": {Until: middle}, "a span": {Since: all[200].At, Until: middle},
		"package and user": {Package: "pkg-3", User: "ada"}, "user and act": {User: "bob", Act: PackagePublish, Failed: true, Until: middle},
		"the wildcards of nobody": {User: "*"}, "a user like a family": {User: "package"},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			for _, e := range all {
				if f.fits(e) && !e.At.Before(f.Since) {
					want = append(want, e.ID)
				}
			}
			var got []string
			list, err := collect(n.db, f)
			require.NoError(t, err)
			for i, e := range list {
				got = append(got, e.ID)
				if i > 0 {
					require.False(t, e.At.After(list[i-1].At), "the newest comes first")
				}
			}
			require.Equal(t, want, got)
			require.Equal(t, want, pages(t, n.db, f, 7))
		})
	}
	_, err = collect(n.db, Filter{Before: "x"})
	require.ErrorIs(t, err, ErrCursor)
	list, err := collect(n.db, Filter{Act: PackagePublish, User: "bob"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"tag": "latest", "of": "148"}, list[0].Details)
}

// pages are the ids of what a filter gives, read by pages of n.
func pages(t *testing.T, db *kivik.DB, f Filter, n int) (ids []string) {
	for took := n; took == n; {
		took = 0
		for e, err := range Query(context.Background(), db, f) {
			require.NoError(t, err)
			took++
			f.Before = e.Cursor()
			if ids = append(ids, e.ID); took == n {
				break
			}
		}
	}
	return ids
}
