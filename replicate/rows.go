package replicate

import (
	"bytes"
	"encoding/json"
)

// A feedRow is a row of _changes; in a feed of lines, its last line as well.
type feedRow struct {
	Seq     json.RawMessage `json:"seq"`
	ID      string          `json:"id"`
	Changes []struct {
		Rev string `json:"rev"`
	} `json:"changes"`

	LastSeq json.RawMessage `json:"last_seq"`
	Pending *int64          `json:"pending"`
}

func (r *feedRow) change() change {
	c := change{id: r.ID, revs: make([]string, len(r.Changes))}
	if string(r.Seq) != "null" && len(r.Seq) > 0 {
		c.seq = seqText(r.Seq)
	}
	for i := range r.Changes {
		c.revs[i] = r.Changes[i].Rev
	}
	return c
}

// rows reads the answer to feed=normal.
func (in *stream) rows(yield func(change) error) (end feedEnd, err error) {
	end.pending = -1
	err = in.object(func(key string) error {
		switch key {
		case "results":
			return in.list(func() error {
				var row feedRow
				if err := in.value(&row); err != nil {
					return err
				}
				return yield(row.change())
			})
		case "last_seq":
			var seq json.RawMessage
			err := in.value(&seq)
			end.last = seqText(seq)
			return err
		case "pending":
			return in.value(&end.pending)
		}
		return in.skip()
	})
	return end, err
}

// lines reads the answer to feed=continuous: a row a line, heartbeats in between, and one more line at its end.
func (in *stream) lines(f feed, yield func(change) error) (feedEnd, error) {
	in.heard = f.heard
	for {
		if !in.ready() {
			if err := f.idle(); err != nil {
				return feedEnd{}, err
			}
		}
		var row feedRow
		if err := in.value(&row); err != nil {
			return feedEnd{}, err
		}
		if row.LastSeq != nil {
			end := feedEnd{last: seqText(row.LastSeq), pending: -1}
			if row.Pending != nil {
				end.pending = *row.Pending
			}
			return end, nil
		}
		if err := yield(row.change()); err != nil {
			return feedEnd{}, err
		}
	}
}

// ready reports that some of the next value has come already.
func (in *stream) ready() bool {
	var first [16]byte // a line's end, and heartbeats: more of them are no harm
	n, _ := in.dec.Buffered().Read(first[:])
	return len(bytes.TrimSpace(first[:n])) > 0
}
