package replicate

// left is what of a _bulk_get is still to come.
type left struct {
	order []string
	revs  map[string][]string
	more  map[string]int // revisions that came instead of others, which they follow
}

func newLeft(refs []ref) *left {
	l := &left{revs: make(map[string][]string, len(refs)), more: map[string]int{}}
	for _, r := range refs {
		if len(l.revs[r.id]) == 0 {
			l.order = append(l.order, r.id)
		}
		l.revs[r.id] = append(l.revs[r.id], r.rev)
	}
	return l
}

// refs are what to ask for.
func (l *left) refs() []ref {
	refs := make([]ref, 0, len(l.order))
	for _, id := range l.order {
		for _, rev := range l.revs[id] {
			refs = append(refs, ref{id, rev})
		}
	}
	return refs
}

// came takes what came from the list, and tells whether it was on it.
func (l *left) came(d document) (asked bool, err error) {
	revs := l.revs[d.id]
	for i, rev := range revs {
		if rev == d.rev {
			l.revs[d.id] = append(revs[:i:i], revs[i+1:]...)
			return true, nil
		}
	}
	if l.more[d.id]++; l.more[d.id] > standstill {
		return false, errCircles
	}
	return false, nil
}

// lacks is what did not come. A revision that was asked for when another one followed it came as that one (latest).
func (l *left) lacks(of map[string]*lack) []*lack {
	var out []*lack
	for _, id := range l.order {
		if revs := l.revs[id]; len(revs) > l.more[id] {
			out = append(out, &lack{id: id, missing: revs, ancestors: of[id].ancestors})
		}
	}
	return out
}
