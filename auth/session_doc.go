package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"settee/database"

	"github.com/go-kivik/kivik/v4"
)

// sessionID begins with the name, so that the sessions of an account are one range.
func sessionID(name, id string) string { return sessionKind + ":" + name + ":" + id }

// readSession reads a session whatever its state, or answers ErrSession.
func (a *Auth) readSession(ctx context.Context, name, id string) (Session, error) {
	if !plausibleName(name) || len(id) != 64 || strings.Trim(id, "0123456789abcdef") != "" {
		return Session{}, ErrSession
	}
	raw, err := database.Text(ctx, a.sessions, sessionID(name, id), withConflicts)
	if err != nil {
		return Session{}, fmt.Errorf("auth: read a session: %w", err)
	}
	if raw == nil {
		return Session{}, ErrSession
	}
	return a.parseSession(ctx, raw)
}

// parseSession reads a document. Where one region ended a session while it was used in
// another, it is ended.
func (a *Auth) parseSession(ctx context.Context, raw json.RawMessage) (Session, error) {
	doc, err := parseObject(raw)
	if err != nil || doc.text("type") != sessionKind {
		return Session{}, ErrSession
	}
	s := Session{
		User: doc.text("user"), Address: doc.text("address"), Client: doc.text("client"),
		account: doc.text("account"), ended: doc.has("ended"), rev: doc.text("_rev"),
	}
	s.ID = strings.TrimPrefix(doc.text("_id"), sessionID(s.User, ""))
	doc.scan("factor", &s.Factor)
	for name, at := range map[string]*time.Time{"created": &s.Created, "seen": &s.Seen, "expires": &s.Expires} {
		if *at, err = time.Parse(time.RFC3339, doc.text(name)); err != nil {
			return Session{}, ErrSession
		}
	}
	s.Fresh = a.o.Now().Before(s.Created.Add(sessionFresh))
	var conflicts []string
	doc.scan("_conflicts", &conflicts)
	for _, rev := range conflicts {
		lost, err := readObject(ctx, a.sessions, doc.text("_id"), kivik.Rev(rev))
		if err != nil {
			return Session{}, fmt.Errorf("auth: read a session: %w", err)
		}
		s.ended = s.ended || lost.has("ended")
	}
	return s, nil
}

// keepSession stores a session. An ended one stays until it expires: a deletion would lose
// against a region that still used it.
func (a *Auth) keepSession(ctx context.Context, s Session) error {
	moment := func(name string, at time.Time) member { return textMember(name, at.UTC().Format(timeForm)) }
	doc := object{
		textMember("type", sessionKind), textMember("user", s.User), textMember("account", s.account), moment("created", s.Created),
		moment("seen", s.Seen), moment("expires", s.Expires), jsonMember("factor", s.Factor),
		textMember("address", s.Address), textMember("client", s.Client),
	}
	if s.ended {
		doc = append(doc, moment("ended", a.o.Now()))
	}
	if s.rev != "" {
		doc = append(doc, textMember("_rev", s.rev))
	}
	return ignoreRev(a.sessions.Put(ctx, sessionID(s.User, s.ID), doc.marshal()))
}

func sortSessions(all []Session) {
	slices.SortFunc(all, func(x, y Session) int { return y.Created.Compare(x.Created) })
}

// clip is the beginning of a text that a client sent, as text.
func clip(s string, most int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
