package views

import (
	"encoding/json"

	"settee/couch"
)

// formatVersion changes with the layout or the weights of collation: old
// indexes are then left to Cleanup and built anew.
const formatVersion = 4

const spacePrefix = "view-"

// state is how far an index has come; it is written with the rows it speaks of.
type state struct {
	Seq    string    `json:"seq"`    // as clients see it: it names the database's incarnation
	Purged couch.Seq `json:"purged"` // entry of the purge log up to which rows were taken away
	Summed bool      `json:"summed"` // summaries agree with the rows
	Rows   []int64   `json:"rows"`   // by view
	Bytes  int64     `json:"bytes"`  // of keys and values of all rows

	seq couch.Seq
}

func freshState(views int) state { return state{Summed: true, Rows: make([]int64, views)} }

// readState reads the state; an index of another incarnation of the database
// gives ok false: whatever it holds is not ours.
func readState(db *couch.DB, s *couch.SpaceSnapshot, views int) (st state, ok bool, err error) {
	fresh := freshState(views)
	raw, err := s.Get(stateKey)
	if missing(err) {
		return fresh, true, nil
	}
	if err != nil {
		return fresh, false, err
	}
	if json.Unmarshal(raw, &st) != nil || len(st.Rows) != views {
		return fresh, false, nil
	}
	if st.seq, err = db.ParseSeq(st.Seq); err != nil || db.FormatSeq(st.seq) != st.Seq {
		return fresh, false, nil
	}
	return st, true, nil
}

func (st state) encode(db *couch.DB) []byte {
	st.Seq = db.FormatSeq(st.seq)
	return mustJSON(st)
}

func (st state) write(db *couch.DB, b batch) { b.Set(stateKey, st.encode(db)) }
