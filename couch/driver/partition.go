package driver

import (
	"context"
	"encoding/json"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
)

var _ kdriver.PartitionedDB = (*db)(nil)

// PartitionStats describes a partition of a partitioned database.
func (d *db) PartitionStats(ctx context.Context, name string) (*kdriver.PartitionStats, error) {
	c, err := d.database(toRead)
	if err != nil {
		return nil, err
	}
	i, err := c.PartitionInfo(ctx, name)
	if err != nil {
		return nil, err
	}
	s := &kdriver.PartitionStats{
		DBName: d.name, Partition: name, DocCount: i.Docs, DeletedDocCount: i.Deleted, ActiveSize: i.Active, ExternalSize: i.External,
	}
	s.RawResponse, err = json.Marshal(map[string]any{
		"db_name": d.name, "partition": name, "doc_count": i.Docs, "doc_del_count": i.Deleted,
		"sizes": map[string]int64{"active": i.Active, "external": i.External},
	})
	return s, err
}

// inPartition narrows a range of ids to a partition.
func inPartition(c *couch.DB, name string, r *idRange, descending bool) error {
	if !c.Partitioned() {
		return badQuery("`partition` parameter is not supported on this db")
	}
	if err := couch.CheckPartition(name); err != nil {
		return err
	}
	start, end := couch.PartitionRange(name)
	r.within(start, end, descending) // the end is no id that such a database can hold
	return nil
}
