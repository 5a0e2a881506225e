package hooks

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"settee/database"

	"github.com/go-kivik/kivik/v4"
)

// Journal is what is known of a hook's deliveries.
type Journal struct {
	Delivered bool      `json:"delivered"`              // anything, ever
	Last      time.Time `json:"last_delivery,omitzero"` // attempt
	Code      int       `json:"response_code,omitempty"`
	Failing   time.Time `json:"failing,omitzero"` // since when nothing was delivered; zero: the last attempt did well
	Attempts  []Attempt `json:"attempts"`         // the last of them, the newest first

	Rev string `json:"_rev,omitempty"`
}

// Attempt is one of a delivery.
type Attempt struct {
	Delivery string    `json:"delivery"` // X-Settee-Delivery
	Event    Kind      `json:"event"`
	Package  string    `json:"package"`
	Version  string    `json:"version,omitempty"`
	Number   int       `json:"attempt"` // from 1
	Time     time.Time `json:"time"`
	Took     int64     `json:"took"` // ms
	Code     int       `json:"response_code,omitempty"`
	Error    string    `json:"error,omitempty"`
	Next     time.Time `json:"next,omitzero"` // when it is tried again; zero: not any more
}

const (
	logPrefix    = "log:"
	mostAttempts = 50 // of a hook in its journal: some 15 kB
)

// journal reads what is known; the zero Journal where nothing is.
func (h *Hooks) journal(ctx context.Context, id string) (*Journal, error) {
	j := &Journal{Attempts: []Attempt{}}
	raw, err := database.Text(ctx, h.db, logPrefix+id)
	if raw == nil || err != nil {
		return j, err
	}
	if json.Unmarshal(raw, j) != nil {
		h.log.Warn("hooks: a journal cannot be read and begins anew", "hook", id)
		var doc struct {
			Rev string `json:"_rev"`
		}
		_ = json.Unmarshal(raw, &doc)
		j = &Journal{Attempts: []Attempt{}, Rev: doc.Rev}
	}
	return j, nil
}

// note writes an attempt down. One hook has one writer.
func (h *Hooks) note(ctx context.Context, id string, a Attempt, ok bool) (*Journal, error) {
	for {
		j, err := h.journal(ctx, id)
		if err != nil {
			return nil, err
		}
		j.Last, j.Code = a.Time, a.Code
		switch {
		case ok:
			j.Delivered, j.Failing = true, time.Time{}
		case j.Failing.IsZero():
			j.Failing = a.Time
		}
		j.Attempts = append([]Attempt{a}, j.Attempts[:min(len(j.Attempts), mostAttempts-1)]...)
		if _, err = h.db.Put(ctx, logPrefix+id, j); kivik.HTTPStatus(err) == http.StatusConflict {
			continue // of the region that delivered it before
		}
		return j, err
	}
}
