package replicate

import (
	"context"
	"crypto/md5" //nolint:gosec // as CouchDB's ids
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-kivik/kivik/v4"
)

// ids are the replication's own id and those under which another server would have left its checkpoints: a
// CouchDB at either end. A replication that one of them began goes on from there.
func (s *session) ids(ctx context.Context) ([]string, error) {
	code, err := s.filterCode(ctx)
	if err != nil {
		return nil, err
	}
	uuids, err := s.uuids(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, uuid := range uuids {
		ids = append(ids, ReplicationID(uuid, s.source.endpointID(), s.target.endpointID(), s.o, code))
	}
	if s.o.ID != "" {
		ids = slices.Insert(ids, 0, s.o.ID)
	}
	return slices.Compact(ids), nil
}

// uuids are the servers that may have replicated before: this one, and those at both ends. A
// pull runs at its target, so that one comes first.
func (s *session) uuids(ctx context.Context) ([]string, error) {
	uuids := []string{s.o.ServerUUID}
	for _, d := range []*side{&s.target, &s.source} {
		if d.remote == nil {
			continue
		}
		uuid, err := s.uuid(ctx, d)
		if err != nil {
			return nil, err
		}
		uuids = append(uuids, uuid)
	}
	known := slices.DeleteFunc(uuids, func(u string) bool { return u == "" })
	if len(known) == 0 {
		return []string{""}, nil
	}
	return known, nil
}

// uuid is that of a peer's server; "" where it tells none, as those that cannot have replicated.
func (s *session) uuid(ctx context.Context, d *side) (uuid string, err error) {
	err = s.attempt(ctx, "look at the server of "+d.Name, func(t *try) error {
		v, err := d.DB.Client().Version(t.ctx)
		if refusing(kivik.HTTPStatus(err)) && err != nil {
			return nil
		}
		if err != nil {
			return err
		}
		var about struct {
			UUID string `json:"uuid"`
		}
		_ = json.Unmarshal(v.RawResponse, &about) // as above
		uuid = about.UUID
		return nil
	})
	return uuid, err
}

// filterCode is the source of the filter function, on which CouchDB's ids hang: another function is another replication.
func (s *session) filterCode(ctx context.Context) (code string, err error) {
	name, function, isUsers := strings.Cut(s.o.Filter, "/")
	if !isUsers || strings.HasPrefix(s.o.Filter, "_") {
		return "", nil
	}
	err = s.attempt(ctx, "read the filter", func(t *try) error {
		var design struct {
			Filters map[string]string `json:"filters"`
		}
		err := s.source.DB.Get(t.ctx, "_design/"+name).ScanDoc(&design)
		if kivik.HTTPStatus(err) == 404 {
			return fmt.Errorf("%w: Couldn't open document `_design/%s` from source database `%s`: %w", ErrFilter, name, s.source.Name, err)
		}
		if err != nil {
			return err
		}
		var there bool
		if code, there = design.Filters[function]; !there {
			return fmt.Errorf("%w: Couldn't parse filter code from document %s on `%s`", ErrFilter, name, s.source.Name)
		}
		return nil
	})
	return code, err
}

// endpointID is what of an endpoint goes into CouchDB's ids.
func (d *side) endpointID() Endpoint {
	if d.remote != nil {
		return d.remote.endpoint
	}
	return Endpoint{URL: d.Name}
}

// ReplicationID is CouchDB's id, version 4, of a replication by the server with that UUID: under the same id CouchDB
// looks for its checkpoints. filterCode is the source of the filter function, where o names one of a design document.
// Of selectors CouchDB takes a form of its own, which is not computed here: those ids are only settee's.
func ReplicationID(serverUUID string, source, target Endpoint, o Options, filterCode string) string {
	parts := []func(t *terms){
		func(t *terms) { t.binary(serverUUID) },
		func(t *terms) { source.term(t) },
		func(t *terms) { target.term(t) },
	}
	parts = append(parts, o.terms(filterCode)...)
	if o.WinningRevsOnly {
		parts = append(parts, func(t *terms) { t.binary("winning_revs_only") })
	}
	t := terms{131} // the version of the external format
	t.list(len(parts), func(i int) { parts[i](&t) })
	sum := md5.Sum(t) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// terms are those of what selects documents.
func (o *Options) terms(filterCode string) []func(t *terms) {
	params := func(t *terms) {
		names := slices.Sorted(maps.Keys(o.QueryParams))
		t.tuple(1)
		t.list(len(names), func(i int) { t.tuple(2); t.binary(names[i]); t.binary(o.QueryParams[names[i]]) })
	}
	switch {
	case o.DocIDs != nil:
		ids := make([]string, len(o.DocIDs))
		for i, id := range o.DocIDs {
			if ids[i] = id; strings.Contains(id, "%") { // CouchDB takes escaped ones too
				if plain, err := url.PathUnescape(id); err == nil {
					ids[i] = plain
				}
			}
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
		return []func(t *terms){func(t *terms) { t.list(len(ids), func(i int) { t.binary(ids[i]) }) }}
	case o.Selector != nil:
		return []func(t *terms){func(t *terms) {
			if t.json(o.Selector) != nil {
				t.binary(string(o.Selector)) // the source will refuse it
			}
		}}
	case strings.HasPrefix(o.Filter, "_"):
		return []func(t *terms){func(t *terms) { t.binary(o.Filter) }, params}
	case o.Filter != "":
		return []func(t *terms){func(t *terms) { t.binary(trimCode(filterCode)) }, params}
	}
	return nil
}

// trimCode cuts blanks off a function as CouchDB does: off one of a single line only.
func trimCode(code string) string {
	line, end := code, ""
	if strings.HasSuffix(code, "\n") {
		line, end = code[:len(code)-1], "\n"
	}
	if strings.Contains(line, "\n") {
		return code
	}
	return strings.Trim(line, " ") + end
}

// term is the endpoint: {remote, User, Host, Port, Path, Headers, undefined}.
func (e Endpoint) term(t *terms) {
	user, _, headers := e.credentials()
	host, port, path := e.place()
	t.tuple(7)
	t.atom("remote")
	if user == "" {
		t.atom("undefined")
	} else {
		t.charlist(user)
	}
	t.charlist(host)
	switch number, err := strconv.Atoi(port); {
	case err == nil:
		t.integer(int64(number))
	default:
		t.atom(port)
	}
	if path == "" {
		t.atom("undefined")
	} else {
		t.charlist(path)
	}
	names := slices.Sorted(maps.Keys(headers))
	if len(headers) < len(e.Headers) { // CouchDB orders them differently once it has taken out the password
		slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	}
	t.list(len(names), func(i int) { t.tuple(2); t.charlist(names[i]); t.charlist(headers[names[i]]) })
	t.atom("undefined")
}

// place takes the URL apart as CouchDB does for its ids: as it is written, but for user and password.
func (e Endpoint) place() (host, port, path string) {
	scheme, rest, isURL := strings.Cut(e.URL, "://")
	if !isURL {
		return e.URL, "undefined", ""
	}
	if !strings.HasSuffix(rest, "/") && !strings.Contains(rest, "?") {
		rest += "/"
	}
	end := strings.IndexAny(rest, "/?")
	host, path = rest[:end], rest[end:]
	if strings.HasPrefix(path, "?") {
		path = "/" + path
	}
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		host, port = host[:colon], host[colon+1:]
	}
	host = strings.Trim(host, "[]")
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && (port == "80" || port == "5984") {
		port = "default"
	}
	return host, port, path
}
