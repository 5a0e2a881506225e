package tarballs

import "sync/atomic"

// Metrics are a store's figures since it was opened.
type Metrics struct {
	Puts       int64 // acknowledged, duplicates included
	PutBytes   int64
	Duplicates int64 // puts of bytes that were there
	Opens      int64
	OpenBytes  int64 // asked for, whether read or not
	Deletes    int64
	Failures   int64 // operations that ended with an error, absence included
}

type counters struct {
	puts, putBytes, duplicates, opens, openBytes, deletes, failures atomic.Int64
}

func (c *counters) put(size int64) {
	c.puts.Add(1)
	c.putBytes.Add(size)
}

func (c *counters) opened(size int64) {
	c.opens.Add(1)
	c.openBytes.Add(size)
}

// failed counts err and gives it back.
func (c *counters) failed(err error) error {
	c.failures.Add(1)
	return err
}

func (c *counters) read() Metrics {
	return Metrics{
		Puts: c.puts.Load(), PutBytes: c.putBytes.Load(), Duplicates: c.duplicates.Load(),
		Opens: c.opens.Load(), OpenBytes: c.openBytes.Load(),
		Deletes: c.deletes.Load(), Failures: c.failures.Load(),
	}
}
