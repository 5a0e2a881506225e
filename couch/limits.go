package couch

import "strconv"

// MaxDocumentSize is how many bytes of JSON a document may have: the setting
// couchdb/max_document_size, else the store's option.
func (s *Store) MaxDocumentSize() int64 { return s.maxDocument.Load() }

// followSettings reads those that the store itself obeys.
func (s *Store) followSettings(string) {
	limit := s.o.MaxDocumentSize
	value, _ := s.Setting("couchdb", "max_document_size")
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 {
		limit = n
	}
	s.maxDocument.Store(limit)
	algorithm, _ := s.Setting("uuids", "algorithm")
	suffix, _ := s.Setting("uuids", "utc_id_suffix")
	s.ids.follow(uuidAlgorithm(algorithm), suffix)
	s.packing.Store(s.readPacking())
	update, _ := s.Setting("global_changes", "update_db")
	delay, _ := s.Setting("global_changes", "max_write_delay")
	s.global.follow(update, delay)
}
