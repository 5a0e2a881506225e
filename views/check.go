package views

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cespare/xxhash/v2"

	"settee/couch"
)

// Check proves the indexes of a database: that the state, the rows, the rows of
// each document and the counts of the summaries agree. It tells of each that is
// damaged by the name of its space; one that is dropped is built anew when
// somebody asks for it.
func Check(ctx context.Context, db *couch.DB, found func(space string, err error)) error {
	spaces, err := db.Spaces(ctx)
	if err != nil {
		return err
	}
	for _, space := range spaces {
		if !strings.HasPrefix(space, spacePrefix) {
			continue
		}
		snapshot, err := db.Space(space).Snapshot()
		if err != nil {
			return err
		}
		err = (&checker{ctx: ctx, db: db, s: snapshot}).check()
		_ = snapshot.Close()
		var damage damageError
		if errors.As(err, &damage) || errors.Is(err, &couch.Error{Kind: couch.Internal}) {
			found(space, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// damageError says what is wrong with an index.
type damageError string

func (e damageError) Error() string { return string(e) }

func damage(format string, args ...any) error { return damageError(fmt.Sprintf(format, args...)) }

// checker proves one index.
type checker struct {
	ctx context.Context
	db  *couch.DB
	s   *couch.SpaceSnapshot
	st  state
}

func (c *checker) check() error {
	raw, err := c.s.Get(stateKey)
	if missing(err) {
		return damage("it has no state")
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &c.st); err != nil {
		return damage("its state cannot be read: %v", err)
	}
	if seq, err := c.db.ParseSeq(c.st.Seq); err != nil || c.db.FormatSeq(seq) != c.st.Seq {
		return nil // of another incarnation: Cleanup's
	}
	if err := c.documents(); err != nil {
		return err
	}
	if err := c.rows(); err != nil || !c.st.Summed {
		return err
	}
	for view := range c.st.Rows {
		for level := 1; level <= height; level++ {
			if err := c.level(view, level); err != nil {
				return err
			}
		}
	}
	return nil
}

// each walks the keys that begin with a prefix.
func (c *checker) each(prefix []byte, fn func(key, value []byte) error) error {
	it, err := c.s.Iter(prefix, after(prefix))
	if err != nil {
		return err
	}
	defer it.Close() //nolint:errcheck // its error is read below
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%1024 == 0 && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		value, err := it.Value()
		if err != nil {
			return err
		}
		if err := fn(it.Key(), value); err != nil {
			return err
		}
	}
	return it.Err()
}

// documents proves that each row that a document names is there, and that they
// are as many as the state says, and large values as many as rows without theirs.
func (c *checker) documents() error {
	rows, apart, size := make([]int64, len(c.st.Rows)), make([]int64, len(c.st.Rows)), int64(0)
	err := c.each(docKey(""), func(key, value []byte) error {
		named, ok := docRows(couch.DocID(key[1:]), value)
		if !ok {
			return damage("the record of %q cannot be read", key[1:])
		}
		for _, r := range named {
			if r.view >= len(rows) {
				return damage("%q names a row of view %d of %d", key[1:], r.view, len(rows))
			}
			record, err := c.s.Get(append(levelPrefix(r.view, 0), r.key...))
			if err == nil && headOf(record) == len(record) {
				var value []byte
				value, err = c.s.Get(append(valuePrefix(r.view), r.key...))
				record = append(record, value...)
				apart[r.view]++
			}
			if missing(err) {
				return damage("a row of %q is missing", key[1:])
			} else if err != nil {
				return err
			}
			if len(r.key)+len(record) != r.size || xxhash.Sum64(record) != r.sum {
				return damage("a row of %q is not the one that was written", key[1:])
			}
			rows[r.view]++
			size += int64(r.size)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for view, n := range rows {
		if n != c.st.Rows[view] {
			return damage("documents name %d rows of view %d, the state says %d", n, view, c.st.Rows[view])
		}
		values := int64(0)
		if err := c.each(valuePrefix(view), func([]byte, []byte) error { values++; return nil }); err != nil {
			return err
		}
		if values != apart[view] {
			return damage("view %d has %d large values, %d rows lack theirs", view, values, apart[view])
		}
	}
	if size != c.st.Bytes {
		return damage("the rows have %d bytes, the state says %d", size, c.st.Bytes)
	}
	return nil
}

// rows proves that there are no others than documents name.
func (c *checker) rows() error {
	for view, want := range c.st.Rows {
		prefix, n := levelPrefix(view, 0), int64(0)
		err := c.each(prefix, func(key, value []byte) error {
			n++
			return checkRow(key[len(prefix):], value)
		})
		if err != nil {
			return err
		}
		if n != want {
			return damage("view %d has %d rows, the state says %d", view, n, want)
		}
	}
	return nil
}

func checkRow(row, record []byte) error {
	collated, n := binary.Uvarint(record)
	if n <= 0 || collated+rowKeyEnd > uint64(len(row)) {
		return damage("a row cannot be read")
	}
	record = record[n:]
	length, n := binary.Uvarint(record)
	if n <= 0 || length > uint64(len(record)-n) {
		return damage("a row cannot be read")
	}
	if record = record[n:]; !json.Valid(record[:length]) {
		return damage("a row's key is no JSON")
	}
	return nil
}

// level proves that the summaries of a level count all rows.
func (c *checker) level(view, level int) error {
	total := int64(0)
	err := c.each(levelPrefix(view, level), func(_, value []byte) error {
		n, size := binary.Uvarint(value)
		if size <= 0 {
			return damage("a summary of level %d of view %d cannot be read", level, view)
		}
		total += int64(n)
		return nil
	})
	if err == nil && total != c.st.Rows[view] {
		err = damage("the summaries of level %d of view %d count %d rows, there are %d", level, view, total, c.st.Rows[view])
	}
	return err
}
