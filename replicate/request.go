package replicate

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// A Request is what a body of _replicate, or a document of a _replicator database, asks for.
type Request struct {
	Source, Target Endpoint
	Options        Options
	CreateParams   map[string]string // of the target, where it is made: q, n, partitioned
	Connections    int               // at once, to each end
	User           Owner             // user_ctx of a document, which CouchDB shows and does not use

	Cancel   bool   // end the replication instead
	CancelID string // which one; "" is what this request would begin
}

// A RequestError says what is wrong with a request. Kind is CouchDB's word: bad_request,
// invalid_replication or error.
type RequestError struct {
	Kind, Reason string
	thrown       string // how CouchDB spells it where a document is refused; "": as Reason
}

func (e *RequestError) Error() string { return e.Kind + ": " + e.Reason }

// InDocument is the reason by which CouchDB refuses a document of _replicator.
func (e *RequestError) InDocument() string {
	if e.thrown != "" {
		return e.thrown
	}
	return e.Reason
}

func badParameter(name, must string) error {
	reason := "parameter `" + name + "` must be " + must
	return &RequestError{"bad_request", reason, "{throw,{bad_request,<<\"" + reason + "\">>}}"}
}

func badRequest(reason string) error {
	return &RequestError{"bad_request", reason, "{throw,{bad_request,\"" + reason + "\"}}"}
}

// refused is what CouchDB answers with 500 in _replicate, and with 403 in a document.
func refused(reason string) error { return &RequestError{Kind: "error", Reason: reason} }

// ParseRequest reads a request. What it does not say is as settings have it.
func ParseRequest(raw json.RawMessage, set Settings) (Request, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil || object == nil {
		return Request{}, badRequest("Request body must be a JSON object")
	}
	r := Request{}
	for _, read := range []func(map[string]json.RawMessage, Settings) error{r.readOptions, r.readEnds, r.readFilter, r.readUser} {
		if err := read(object, set); err != nil {
			return Request{}, err
		}
		if r.Cancel && r.CancelID != "" {
			return r, nil // it says nothing else
		}
	}
	return r, nil
}

// readEnds reads source and target.
func (r *Request) readEnds(object map[string]json.RawMessage, set Settings) error {
	proxies, err := proxiesOf(object)
	if err != nil {
		return err
	}
	for _, end := range []struct {
		name string
		into *Endpoint
	}{{"source", &r.Source}, {"target", &r.Target}} {
		if *end.into, err = parseEndpoint(object[end.name], set); err != nil {
			return err
		}
		if end.into.Proxy, err = checkProxy(proxies[end.name], set); err != nil {
			return err
		}
	}
	return nil
}

// proxiesOf are the proxies of both ends.
func proxiesOf(object map[string]json.RawMessage) (map[string]string, error) {
	both, _ := stringOf(object["proxy"])
	of := map[string]string{}
	for _, end := range []string{"source", "target"} {
		own, _ := stringOf(object[end+"_proxy"])
		if both != "" && own != "" {
			return nil, badRequest("`proxy` is mutually exclusive with `" + end + "_proxy`")
		}
		of[end] = both + own
	}
	return of, nil
}

func checkProxy(proxy string, set Settings) (string, error) {
	if proxy == "" {
		return "", nil
	}
	u, err := url.Parse(proxy)
	if err != nil || u.Host == "" || !slices.Contains(set.words("valid_proxy_protocols", "http,https,socks5"), u.Scheme) {
		return "", &RequestError{Kind: "invalid_replication", Reason: "proxy has an invalid url"}
	}
	return proxy, nil
}

// readOptions reads what is a member of its own.
func (r *Request) readOptions(object map[string]json.RawMessage, set Settings) error {
	o := &r.Options
	set.defaults(r)
	var create map[string]json.RawMessage
	for _, member := range []struct {
		name, must string
		read       func(json.RawMessage) bool
	}{
		{"cancel", "a boolean", toBool(&r.Cancel)},
		{"create_target", "a boolean", toBool(&o.CreateTarget)},
		{"create_target_params", "a JSON object", toObject(&create)},
		{"winning_revs_only", "a boolean", toBool(&o.WinningRevsOnly)},
		{"continuous", "a boolean", toBool(&o.Continuous)},
		{"filter", "a string", toString(&o.Filter)},
		{"query_params", "an object", toParams(&o.QueryParams)},
		{"doc_ids", "an array", toDocIDs(&o.DocIDs)},
		{"selector", "a JSON object", toRawObject(&o.Selector)},
		{"use_checkpoints", "a boolean", toLaxNot(&o.NoCheckpoints)},
		{"use_bulk_get", "a boolean", toNot(&o.NoBulkGet)},
		{"since_seq", "a sequence", toSeq(&o.SinceSeq)},
		{"worker_processes", "a positive integer", toPositive(&o.Workers)},
		{"worker_batch_size", "a positive integer", toPositive(&o.BatchSize)},
		{"http_connections", "a positive integer", toPositive(&r.Connections)},
		{"retries_per_request", "an integer", toRetries(&o.Retries)},
		{"connection_timeout", "milliseconds", toMilliseconds(&o.ConnectionTimeout)},
		{"checkpoint_interval", "milliseconds", toMilliseconds(&o.CheckpointInterval)},
	} {
		if raw, says := object[member.name]; says && !member.read(raw) {
			return badParameter(member.name, member.must)
		}
	}
	for name, v := range create {
		if r.CreateParams == nil {
			r.CreateParams = map[string]string{}
		}
		r.CreateParams[name] = textOf(v)
	}
	for _, name := range []string{"_local_id", "replication_id", "id"} {
		if id, ok := stringOf(object[name]); ok && r.CancelID == "" {
			r.CancelID = strings.ReplaceAll(id, " ", "+") // a plus that was read as a space
		}
	}
	return nil
}

// readFilter holds what selects documents against each other.
func (r *Request) readFilter(object map[string]json.RawMessage, _ Settings) error {
	o, ways := &r.Options, 0
	for _, name := range []string{"filter", "doc_ids", "selector"} {
		if raw, says := object[name]; says && (name != "doc_ids" || string(raw) != "null") {
			ways++
		}
	}
	_, filters := object["filter"]
	view := strings.Split(o.QueryParams["view"], "/")
	switch {
	case ways > 1:
		return badRequest("`doc_ids`,`filter`,`selector` are mutually exclusive")
	case o.Filter == "_view" && (len(view) != 2 || view[0] == "" || view[1] == ""):
		return &RequestError{"bad_request", "Invalid `view` parameter.", "{throw,{bad_request,<<\"Invalid `view` parameter.\">>}}"}
	case !filters, strings.HasPrefix(o.Filter, "_"):
		return nil
	}
	if ddoc, function, _ := strings.Cut(o.Filter, "/"); ddoc == "" || function == "" {
		return refused("Invalid filter. Must match `ddocname/filtername`.")
	}
	return nil
}

func (r *Request) readUser(object map[string]json.RawMessage, _ Settings) error {
	if json.Unmarshal(object["user_ctx"], &r.User) != nil {
		r.User = Owner{}
	}
	return nil
}
