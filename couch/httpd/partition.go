package httpd

import (
	"net/http"
	"strconv"

	"settee/couch"
)

var errNotPartitioned = badRequest("database is not partitioned")

// partition is the partition that the path names.
func (c *call) partition() (string, error) {
	if !c.db.Partitioned() {
		return "", errNotPartitioned
	}
	name, err := c.segment("partition")
	if err != nil {
		return "", err
	}
	return name, couch.CheckPartition(name)
}

// inPartition gives the partition of the path to the options of a list or a view.
func (c *call) inPartition(o *options) error {
	if _, inPath := c.vars["partition"]; !inPath {
		return nil
	}
	name, err := c.partition()
	if err != nil {
		return err
	}
	if asked, ok := o.word("partition"); ok && asked != name {
		return badRequest("Conflicting value for `partition` in query string")
	}
	o.set("partition", param{word: name})
	return nil
}

// listOptions are the options of the query and a body, in the path's partition.
func (c *call) listOptions(body []byte) (*options, error) {
	o, err := listOptions(c.r.URL.RawQuery, body)
	if err != nil {
		return nil, err
	}
	return o, c.inPartition(o)
}

// narrow cuts a list down to a partition.
func (c *call) narrow(p *listParams) error {
	if p.Partition == nil {
		return nil
	}
	if !c.db.Partitioned() {
		return queryParse("`partition` parameter is not supported on this db")
	}
	if err := couch.CheckPartition(*p.Partition); err != nil {
		return err
	}
	start, end := couch.PartitionRange(*p.Partition)
	p.Rows.Start, p.Rows.End = within(p.Rows, start, end)
	return nil
}

// partitionInfo is GET /{db}/_partition/{partition}.
func (c *call) partitionInfo() error {
	name, err := c.partition()
	if err != nil {
		return err
	}
	i, err := c.db.PartitionInfo(c.ctx(), name)
	if err != nil {
		return err
	}
	dst := appendString(append(c.out[:0], `{"db_name":`...), c.db.Name())
	dst = strconv.AppendInt(append(dst, `,"sizes":{"active":`...), i.Active, 10)
	dst = strconv.AppendInt(append(dst, `,"external":`...), i.External, 10)
	dst = appendString(append(dst, `},"partition":`...), name)
	dst = strconv.AppendInt(append(dst, `,"doc_count":`...), i.Docs, 10)
	dst = strconv.AppendInt(append(dst, `,"doc_del_count":`...), i.Deleted, 10)
	c.out = append(dst, "}\n"...)
	c.send(http.StatusOK, c.out)
	return nil
}

// partitionViewInfo is the design document's: an index is one for all partitions.
func (c *call) partitionViewInfo() error {
	if _, err := c.partition(); err != nil {
		return err
	}
	return c.viewInfo()
}

// noPartition is /{db}/_partition with nothing behind it.
func (c *call) noPartition() error { return badRequest("invalid_partition_req") }
