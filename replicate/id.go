package replicate

import (
	"context"
	"crypto/md5" //nolint:gosec // as CouchDB's ids
	"encoding/hex"
	"encoding/json"
)

// ids are the replication's own id and those under which another server would have left its checkpoints.
func (s *session) ids(context.Context) ([]string, error) {
	if s.id = s.o.ID; s.id == "" {
		s.id = s.plainID()
	}
	return []string{s.id}, nil
}

// plainID hangs on the names of both ends and on what selects documents.
func (s *session) plainID() string {
	text, _ := json.Marshal([]any{ // what cannot be marshalled is not in it
		s.o.ServerUUID, s.source.Name, s.target.Name, s.o.DocIDs, s.o.Selector, s.o.Filter, s.o.QueryParams, s.o.WinningRevsOnly,
	})
	sum := md5.Sum(text) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// endpointID is what of an endpoint goes into CouchDB's ids.
type endpointID struct {
	url     string
	user    string
	headers map[string]string
}
