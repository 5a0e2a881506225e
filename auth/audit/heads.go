package audit

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// headTime bounds the reading of heads: one small read a chain.
const headTime = time.Minute

// begin makes a chain's first entry, once: it names the heads that no other first entry names.
func (l *Log) begin() error {
	if l.start != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), headTime)
	defer cancel()
	heads, err := readHeads(ctx, l.db)
	if err != nil {
		return err
	}
	named, err := firstNamed(ctx, l.db, slices.Sorted(maps.Keys(heads)))
	if err != nil {
		return err
	}
	for chain, h := range named {
		if heads[chain] == h {
			delete(heads, chain)
		}
	}
	l.named = maps.Clone(heads)
	l.start = &Entry{At: l.o.Now(), Act: LogStart, OK: true, heads: heads}
	return nil
}

// nameHeads names the chains that grew since they were named last, in an entry and, its own, in the log.
func (l *Log) nameHeads() {
	ctx, cancel := context.WithTimeout(context.Background(), headTime)
	heads, err := readHeads(ctx, l.db)
	cancel()
	if err != nil {
		l.o.Logger.Warn("audit: heads were not read", "error", err)
		return
	}
	delete(heads, l.chain)
	for chain, h := range heads {
		if l.named[chain] == h {
			delete(heads, chain)
		}
		l.named[chain] = h
	}
	if len(heads) > 0 {
		l.write([]*waiting{{Entry{At: l.o.Now(), Act: LogHeads, OK: true, heads: heads}, make(chan error, 1)}})
	}
	l.tell()
}

// readHeads finds the last entry of every chain: one read a chain, from the last one backwards.
func readHeads(ctx context.Context, db *kivik.DB) (map[string]head, error) {
	heads := map[string]head{}
	from := "{" // after every name
	for {
		id, o, err := lastBefore(ctx, db, from)
		if err != nil || id == "" {
			return heads, err
		}
		chain, number, ok := parseID(id)
		if !ok {
			from = id
			if kind, _, record := cutRecord(id); record {
				from = kind
			}
			continue
		}
		hash, _ := o["hash"].(string)
		if h := (head{number, hash}); h.whole() {
			heads[chain] = h
		}
		from = chain + ":"
	}
}

// lastBefore is the last document whose id sorts before another id.
func lastBefore(ctx context.Context, db *kivik.DB, id string) (string, object, error) {
	rows := db.AllDocs(ctx, kivik.Params(map[string]any{"startkey": id, "descending": true, "include_docs": true, "limit": 2}))
	defer rows.Close()
	for rows.Next() {
		found, err := rows.ID()
		if err != nil {
			return "", nil, err
		}
		if found == id {
			continue
		}
		var raw json.RawMessage
		if err := rows.ScanDoc(&raw); err != nil {
			return "", nil, err
		}
		o, _ := parse(raw) // what cannot be read has no hash
		return found, o, nil
	}
	return "", nil, rows.Err()
}

// firstNamed are the heads that the first entries of chains name, the highest of each.
func firstNamed(ctx context.Context, db *kivik.DB, chains []string) (map[string]head, error) {
	named := map[string]head{}
	for page := range slices.Chunk(chains, pageSize) {
		ids := make([]string, len(page))
		for i, chain := range page {
			ids[i] = entryID(chain, 1)
		}
		err := readKeys(ctx, db, ids, func(id string, o object) {
			for chain, h := range entryOf(id, o).heads {
				if h.number > named[chain].number {
					named[chain] = h
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return named, nil
}

// readKeys reads documents by their ids. Those that are missing or cannot be read come with nil.
func readKeys(ctx context.Context, db *kivik.DB, ids []string, each func(id string, o object)) error {
	rows := db.AllDocs(ctx, kivik.Params(map[string]any{"keys": ids, "include_docs": true}))
	defer rows.Close()
	for i := 0; rows.Next() && i < len(ids); i++ {
		var raw json.RawMessage
		if rows.ScanDoc(&raw) != nil {
			raw = nil
		}
		o, _ := parse(raw)
		each(ids[i], o)
	}
	return rows.Err()
}
