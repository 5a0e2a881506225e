package mail

import (
	"errors"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
)

// A Message is plain text to one person.
type Message struct {
	Kind    string // what it is, for the log
	To      string // one address, without a name
	Subject string
	Text    string
	Until   time.Time // when it is of no use any more; zero: never
}

// The refusals of Send.
var (
	ErrAddress = errors.New("mail: not an e-mail address")
	ErrSubject = errors.New("mail: not a subject")
	ErrFull    = errors.New("mail: too many messages wait to be sent")
	ErrClosed  = errors.New("mail: closed")
)

const (
	addressLength = 254 // RFC 5321's path less its brackets
	subjectLength = 200
)

// Address reports whether a text is one mailbox that mail can be sent to: nothing in it can
// begin another header, another address or another command.
func Address(text string) bool {
	if len(text) > addressLength || !utf8.ValidString(text) || strings.ContainsFunc(text, oddInAddress) {
		return false
	}
	parsed, err := mail.ParseAddress(text)
	return err == nil && parsed.Name == "" && parsed.Address == text && strings.Count(text, "@") == 1
}

// oddInAddress are separators, quotes, and what cannot be seen.
func oddInAddress(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("<>()[],;:\\\"", r)
}

func (m Message) check() error {
	switch {
	case !Address(m.To):
		return ErrAddress
	case m.Subject == "" || len(m.Subject) > subjectLength || !utf8.ValidString(m.Subject) || strings.ContainsFunc(m.Subject, unicode.IsControl):
		return ErrSubject
	}
	return nil
}

// wire is a message as it is sent.
func (m Message) wire(from string, now time.Time) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.From(from), msg.To(m.To)); err != nil {
		return nil, err
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(now)
	msg.SetMessageID()
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	return msg, nil
}
