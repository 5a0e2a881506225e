package mail

import (
	"strings"
	"text/template"
	"time"
)

// Letter is what the words of a message are about.
type Letter struct {
	To    string
	User  string // whose account it is
	Site  string // where the registry is: https://npm.example.com
	Link  string
	Until time.Time
	By    string // who invites
}

// words are the subject, an empty line, and the text.
var words = map[string]*template.Template{
	"verify": form(`Confirm your e-mail address for {{.Site}}

Hello {{.User}},

please confirm that this is your e-mail address:

{{.Link}}

The link works once, until {{.When}}.

If you have no account at {{.Site}}, somebody gave your address
by mistake: do nothing, and nothing will happen.
`),
	"reset": form(`Choose a new password for {{.Site}}

Hello {{.User}},

somebody, most likely you, asked for a new password for the account
{{.User}}. Choose it here:

{{.Link}}

The link works once, until {{.When}}.

If it was not you, do nothing: your password stays as it is.
`),
	"invite": form(`You are invited to {{.Site}}

Hello,

{{if .By}}{{.By}} invites you{{else}}you are invited{{end}} to the npm registry at
{{.Site}}. Make your account here:

{{.Link}}

The link works once, until {{.When}}.
`),
	"changed": form(`Your password for {{.Site}} was changed

Hello {{.User}},

the password of your account {{.User}} was changed.

If it was not you, choose a new one now:

{{.Link}}
`),
}

// when is how times stand in messages: people of all zones read them.
const when = "2 January 2006 15:04 MST"

// When is the end of the link in words.
func (l Letter) When() string { return l.Until.UTC().Format(when) }

func form(text string) *template.Template { return template.Must(template.New("").Parse(text)) }

// Verify asks to confirm an address.
func Verify(l Letter) Message { return l.message("verify") }

// Reset gives a link to choose a password.
func Reset(l Letter) Message { return l.message("reset") }

// Invite gives a link to make an account.
func Invite(l Letter) Message { return l.message("invite") }

// Changed tells that a password is another; the link leads to where it can be reset.
func Changed(l Letter) Message { return l.message("changed") }

func (l Letter) message(kind string) Message {
	var b strings.Builder
	if err := words[kind].Execute(&b, l); err != nil {
		panic(err) // the templates are constant, and use what Letter has: the tests make each
	}
	subject, text, _ := strings.Cut(b.String(), "\n\n")
	return Message{Kind: kind, To: l.To, Subject: subject, Text: text, Until: l.Until}
}
