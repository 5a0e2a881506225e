package driver

import (
	"context"
	"encoding/json"
	"strconv"

	kdriver "github.com/go-kivik/kivik/v4/driver"
)

func (d *db) Stats(ctx context.Context) (*kdriver.DBStats, error) {
	c, err := d.database(toRead)
	if err != nil {
		return nil, err
	}
	i, err := c.Info(ctx)
	if err != nil {
		return nil, err
	}
	s := &kdriver.DBStats{
		Name: i.Name, CompactRunning: i.CompactRunning, DocCount: i.Docs, DeletedCount: i.Deleted,
		UpdateSeq: c.FormatSeq(i.UpdateSeq), DiskSize: i.File, ActiveSize: i.Active, ExternalSize: i.External,
		// One node holds one copy of one shard.
		Cluster: &kdriver.ClusterStats{Replicas: 1, Shards: 1, ReadQuorum: 1, WriteQuorum: 1},
	}
	props := map[string]any{}
	if c.Partitioned() {
		props["partitioned"] = true
	}
	s.RawResponse, err = json.Marshal(map[string]any{
		"instance_start_time": strconv.FormatInt(i.Created.Unix(), 10),
		"db_name":             i.Name,
		"purge_seq":           c.FormatSeq(i.PurgeSeq),
		"update_seq":          s.UpdateSeq,
		"sizes":               map[string]int64{"file": i.File, "external": i.External, "active": i.Active},
		"props":               props,
		"doc_count":           i.Docs,
		"doc_del_count":       i.Deleted,
		"disk_format_version": 8,
		"compact_running":     i.CompactRunning,
		"cluster":             map[string]int{"q": 1, "n": 1, "w": 1, "r": 1},
	})
	return s, err
}
