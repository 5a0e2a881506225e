package couch

import (
	"errors"
	"math"
	"sync/atomic"

	dto "github.com/prometheus/client_model/go"
)

// Metrics are a store's figures since it was opened.
type Metrics struct {
	Reads        int64 // revisions that were looked up by id
	Writes       int64 // documents that changed
	Inserts      int64 // of those, documents that were new
	LocalWrites  int64 // _local documents that were written or deleted
	Batches      int64 // changes of a database, each of one document or many
	OpenDBs      int64 // databases that were used
	Syncs        Latency
	LogBytes     int64 // written to the write-ahead log
	Disk         int64 // bytes of the store's files
	MemTables    int64 // bytes
	Cache        int64 // bytes
	CacheHits    int64
	CacheMisses  int64
	Compactions  int64 // of the storage's files, that ended
	Compacting   int64 // that run
	CompactDebt  int64 // bytes that they still have to go through
	Flushes      int64
	OpenReaders  int64 // iterators of files
	OpenViews    int64 // snapshots
	OldFiles     int64 // bytes of files that are no longer part of the store, but for readers
	DeletionKeys int64 // about, that compactions have yet to take away
}

// Latency is how long something took: how many took at most so many seconds.
type Latency struct {
	Count   uint64
	Seconds float64 // of all together
	Bounds  []float64
	Within  []uint64 // by bound, each with those of the smaller ones
}

// meters are the counters that operations raise, each on a cache line of its own.
type meters struct {
	reads, writes, inserts, local, batches counter
}

type counter struct {
	atomic.Int64
	_ [56]byte
}

// landed counts a batch.
func (c *meters) landed(edits []edit, replaced []Seq) {
	inserts, local := int64(0), int64(0)
	for _, old := range replaced {
		if old == 0 {
			inserts++
		}
	}
	for i := range edits {
		if edits[i].err == nil && edits[i].id.IsLocal() {
			local++
		}
	}
	c.batches.Add(1)
	c.writes.Add(int64(len(replaced)))
	c.inserts.Add(inserts)
	if local > 0 {
		c.local.Add(local)
	}
}

// Metrics reads the figures.
func (s *Store) Metrics() (Metrics, error) {
	if err := s.gate.enter(); err != nil {
		return Metrics{}, err
	}
	defer s.gate.leave()
	c, p := &s.meters, s.pebble.Metrics()
	m := Metrics{
		Reads: c.reads.Load(), Writes: c.writes.Load(), Inserts: c.inserts.Load(), LocalWrites: c.local.Load(), Batches: c.batches.Load(),
		LogBytes: int64(p.WAL.BytesWritten), Disk: int64(p.DiskSpaceUsage()), MemTables: int64(p.MemTable.Size),
		Cache: p.BlockCache.Size, CacheHits: p.BlockCache.Hits, CacheMisses: p.BlockCache.Misses,
		Compactions: p.Compact.Count, Compacting: p.Compact.NumInProgress, CompactDebt: int64(p.Compact.EstimatedDebt),
		Flushes: p.Flush.Count, OpenReaders: p.TableIters, OpenViews: int64(p.Snapshots.Count),
		OldFiles: int64(p.Table.ZombieSize + p.BlobFiles.ZombieSize), DeletionKeys: int64(p.Keys.TombstoneCount),
	}
	s.eachOpen(func(*DB) { m.OpenDBs++ })
	var syncs dto.Metric
	if err := p.LogWriter.FsyncLatency.Write(&syncs); err != nil {
		return m, &Error{Kind: Internal, Reason: "The log's figures could not be read.", Err: err}
	}
	h := syncs.GetHistogram()
	if h == nil {
		return m, &Error{Kind: Internal, Reason: "The log's figures could not be read.", Err: errors.New("no histogram")}
	}
	m.Syncs = Latency{Count: h.GetSampleCount(), Seconds: h.GetSampleSum() / 1e9}
	for _, b := range h.GetBucket() {
		if bound := b.GetUpperBound(); !math.IsInf(bound, 1) {
			m.Syncs.Bounds = append(m.Syncs.Bounds, bound/1e9)
			m.Syncs.Within = append(m.Syncs.Within, b.GetCumulativeCount())
		}
	}
	return m, nil
}
