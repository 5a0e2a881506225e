package web

import (
	"net/http"
	"strings"

	"settee/auth"
	"settee/auth/audit"
)

// sessionRow is a session as it is listed.
type sessionRow struct {
	auth.Session
	This    bool
	Browser string
}

// showSessions answers GET sessions.
func (s *Site) showSessions(w http.ResponseWriter, v *visit) error {
	return s.sessionsPage(w, v, "")
}

func (s *Site) sessionsPage(w http.ResponseWriter, v *visit, notice string) error {
	list, err := s.auth.Sessions(v.Context(), v.who.Name)
	if err != nil {
		return err
	}
	rows := make([]sessionRow, len(list))
	for i, one := range list {
		rows[i] = sessionRow{one, one.ID == v.session.ID, browserOf(one.Client)}
	}
	return s.show(w, v, http.StatusOK, "sessions", page{Title: "Sessions", Here: "sessions", Notice: notice, Data: rows})
}

// endSession answers POST sessions/end.
func (s *Site) endSession(w http.ResponseWriter, v *visit) error {
	id := v.value("id")
	if id == v.session.ID {
		return s.signOut(w, v)
	}
	err := s.auth.EndSession(v.Context(), v.who.Name, id)
	s.record(v, audit.SessionRevoke, v.who.Name, err)
	if err != nil {
		return err
	}
	return s.sessionsPage(w, v, "The session has ended.")
}

// endOtherSessions answers POST sessions/end-others.
func (s *Site) endOtherSessions(w http.ResponseWriter, v *visit) error {
	err := s.auth.EndSessions(v.Context(), v.who.Name, v.session.ID)
	s.record(v, audit.SessionRevoke, v.who.Name, err)
	if err != nil {
		return err
	}
	return s.sessionsPage(w, v, "All other sessions have ended.")
}

// The names by which people know browsers and systems, as they stand in what browsers call
// themselves; the first that is there counts.
var (
	browsers = [][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}}
	systems  = [][2]string{{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}}
)

// browserOf is what a browser is called for people.
func browserOf(agent string) string {
	known := func(list [][2]string) string {
		for _, one := range list {
			if strings.Contains(agent, one[0]) {
				return one[1]
			}
		}
		return ""
	}
	switch b, system := known(browsers), known(systems); {
	case b == "" && agent == "":
		return "a browser without a name"
	case b == "":
		return agent
	case system == "":
		return b
	default:
		return b + " on " + system
	}
}
