package registry

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// live lets the regions replicate all the time, and resolve as they hear of conflicts.
func (w *world) live() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	for i, to := range w.regions {
		f := replicate.NewFollower(to.client.DB(Database), replicate.FollowerOptions{Name: "resolve", Conflicts: true, Handle: to.Resolve})
		running.Go(func() { _ = f.Run(ctx) })
		for j, from := range w.regions {
			for _, db := range []string{Database, AuditDatabase} {
				if i != j {
					running.Go(func() { _, _ = replicate.Run(ctx, peer(from, db), peer(to, db), replicate.Options{Continuous: true}) })
				}
			}
		}
	}
	return func() { cancel(); running.Wait() }
}

// TestRegionsUnderLoad publishes one package in all regions at once, numbers of one's own and
// numbers that others publish too, while the regions replicate and resolve.
func TestRegionsUnderLoad(t *testing.T) {
	w := newWorld(t, dice{}, 3)
	w.begin("p")
	stop := w.live()
	acks := make([][]ack, len(w.regions))
	var writers sync.WaitGroup
	for i, h := range w.regions {
		writers.Go(func() {
			for n := range 15 {
				for _, version := range []string{fmt.Sprintf("%d.%d.0", i+1, n), fmt.Sprintf("0.%d.0", n)} {
					doc := publishing("p", version, sampleTarball(t, "p", version, 100+i))
					res := h.do("PUT", "/p", h.bob, doc)
					if res.Status == 201 {
						acks[i] = append(acks[i], ack{version, at(t, doc, "versions", version, "dist", "integrity").(string), "bob", time.Time{}})
					} else if res.Status != 403 || version[0] != '0' {
						t.Errorf("publish %s in region %d: %d %s", version, i, res.Status, res.Body)
					}
				}
			}
		})
	}
	writers.Wait()
	require.Eventually(t, func() bool {
		all := w.leaves()
		return all[0] == all[1] && all[1] == all[2] && len(parsePackument("p", w.read(w.regions[0])).conflicts) == 0
	}, 30*time.Second, 20*time.Millisecond)
	stop()
	served := parsePackument("p", w.read(w.regions[2]))
	require.Len(t, served.versions, 15*4, "45 of one region each, 15 of whoever was first")
	w.acks = slices.Concat(acks...)
	w.heal() // every publish is served, or lost to an earlier one and its publisher told
}
