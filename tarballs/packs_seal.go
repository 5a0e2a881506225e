package tarballs

import "errors"

// seal gives a pack its index, from which openings read what it holds. What cannot be
// sealed now, as on a full disk, is sealed later, or by the next opening.
func (s *packs) seal(p *pack) error {
	entries := s.entries(p)
	if len(entries) > 0 {
		if err := s.writeIndex(p, encodeIndex(entries)); err != nil {
			return err
		}
	}
	_ = p.file.Close() // all that is promised was fsynced
	if len(entries) == 0 {
		_ = s.discard(p) // what stays is looked at by the next opening
		return nil
	}
	for _, e := range s.sealed(p, entries) {
		_ = s.setTime(p, e.slot, e.stored) // that it fails makes an orphan, or an older blob
	}
	return nil
}

// entries are the records of a pack that are somebody's place.
func (s *packs) entries(p *pack) (all []indexEntry) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, a := range p.added {
		if at, mine := s.isPlace(p, a); mine {
			all = append(all, indexEntry{a, at.stored})
		}
	}
	return all
}

// sealed makes the index known, and tells what has changed since its entries were taken.
func (s *packs) sealed(p *pack, entries []indexEntry) (late []place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.sealed, p.added = true, nil
	for slot, e := range entries {
		at, mine := s.isPlace(p, e.added)
		if mine {
			at.slot = uint32(slot)
			s.mu.places[short(e.digest[:])] = at
		} else {
			at = place{slot: uint32(slot)}
		}
		if at.stored != e.stored {
			late = append(late, at)
		}
	}
	return late
}

func (s *packs) writeIndex(p *pack, index []byte) error {
	t, err := s.fs.create(s.temp)
	if err != nil {
		return err
	}
	if _, err = t.Write(index); err == nil {
		err = t.Sync()
	}
	err = errors.Join(err, t.Close())
	if err == nil {
		if err = s.fs.rename(t.Name(), p.name+indexSuffix); err == nil {
			return s.fs.sync(s.dir)
		}
	}
	_ = s.fs.remove(t.Name())
	return err
}

// discard removes a pack that nobody reads any more, before its index: an index alone is
// nothing, a pack alone would be read.
func (s *packs) discard(p *pack) error {
	s.mu.Lock()
	delete(s.mu.packs, p.id)
	s.mu.Unlock()
	if err := s.fs.remove(p.name); err != nil {
		return err
	}
	if !p.sealed {
		return nil
	}
	return s.fs.remove(p.name + indexSuffix)
}
