package httpd

import (
	"bytes"
	"encoding/json"
	"slices"

	"settee/couch"
)

// security is a _security object.
type security struct{ Admins, Members people }

// people are named one by one, or by their roles.
type people struct{ Names, Roles []string }

func (p people) empty() bool { return len(p.Names) == 0 && len(p.Roles) == 0 }

func (p people) has(name string, roles []string) bool {
	if name != "" && slices.Contains(p.Names, name) {
		return true
	}
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(p.Roles, r) })
}

// member reports whether someone may read and write: anyone where no members are named.
func (s security) member(name string, roles []string) bool {
	return s.Members.empty() || s.Members.has(name, roles)
}

// parseSecurity reads a _security object, by exact names: "Admins" are no admins.
// readers are the members' old name, which counts where there are no members.
func parseSecurity(raw []byte) (sec security, err error) {
	if len(raw) == 0 {
		return sec, nil
	}
	if !isObject(raw) {
		return sec, badRequest("Security object must be a JSON object")
	}
	if err := decode(raw, new(any)); err != nil {
		return sec, err
	}
	var readers people
	hasMembers := false
	err = members(raw, func(key string, value []byte) (err error) {
		switch key {
		case "admins":
			sec.Admins, err = parsePeople(value)
		case "members":
			sec.Members, err = parsePeople(value)
			hasMembers = true
		case "readers":
			readers, err = parsePeople(value)
		}
		return err
	})
	if !hasMembers {
		sec.Members = readers
	}
	return sec, err
}

func parsePeople(raw []byte) (p people, err error) {
	if !isObject(raw) {
		return p, badRequest("admins or members must be a JSON list of strings")
	}
	err = members(raw, func(key string, value []byte) (err error) {
		switch key {
		case "names":
			p.Names, err = parseNames(key, value)
		case "roles":
			p.Roles, err = parseNames(key, value)
		}
		return err
	})
	return p, err
}

func parseNames(which string, raw []byte) ([]string, error) {
	var list []*string
	if !isArray(raw) || json.Unmarshal(raw, &list) != nil || slices.Contains(list, nil) {
		return nil, badRequest(which + " must be a JSON list of strings")
	}
	names := make([]string, len(list))
	for i, n := range list {
		names[i] = *n
	}
	return names, nil
}

// A knownSecurity is a database's _security object and what it says.
type knownSecurity struct {
	raw couch.Security
	security
}

// securitiesBound is how many databases' objects stay parsed.
const securitiesBound = 1024

// securityOf is what a database's _security says, parsed once a change.
func (s *Server) securityOf(db *couch.DB) (security, error) {
	raw := db.Security()
	if known, ok := s.securities.Load(db.Name()); ok && bytes.Equal(known.(*knownSecurity).raw, raw) {
		return known.(*knownSecurity).security, nil
	}
	sec, err := parseSecurity(raw)
	if err != nil {
		return sec, &couch.Error{Kind: couch.Internal, Reason: "The security object is damaged.", Err: err}
	}
	if s.known.Add(1) > securitiesBound {
		s.securities.Clear()
		s.known.Store(1)
	}
	s.securities.Store(db.Name(), &knownSecurity{raw, sec})
	return sec, nil
}
