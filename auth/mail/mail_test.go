package mail

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

// certificate is one for 127.0.0.1, and who believes it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12}, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
}

// journal is a log that is read while it is written.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func open(t *testing.T, location string, config *tls.Config, log *journal) *Queue {
	t.Helper()
	server, err := ParseServer(location)
	require.NoError(t, err)
	server.Config = config
	q, err := Open(Options{Server: server, From: "settee <npm@registry.test>", Waits: []time.Duration{time.Millisecond, time.Millisecond},
		Logger: slog.New(slog.NewTextHandler(log, nil))})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })
	return q
}

func TestAMessageArrives(t *testing.T) {
	server, client := certificate(t)
	for name, test := range map[string]struct {
		box    fixtures.PostboxOptions
		user   string
		secure bool
	}{
		"in clear on this machine": {},
		"STARTTLS":                 {box: fixtures.PostboxOptions{TLS: server}, secure: true},
		"TLS":                      {box: fixtures.PostboxOptions{TLS: server, Implicit: true}, secure: true},
		"STARTTLS and a password":  {box: fixtures.PostboxOptions{TLS: server, Password: "s%e:c/ret"}, user: "settee:s%25e:c%2Fret@", secure: true},
		"TLS and a password":       {box: fixtures.PostboxOptions{TLS: server, Implicit: true, Password: "secret"}, user: "settee:secret@", secure: true},
	} {
		t.Run(name, func(t *testing.T) {
			box := fixtures.StartPostbox(t, test.box)
			q := open(t, strings.Replace(box.URL, "://", "://"+test.user, 1), client, &journal{})
			until := time.Now().Add(time.Hour)
			require.NoError(t, q.Send(Verify(Letter{To: "ada@example.com", User: "ada", Site: "https://npm.test", Link: "https://npm.test/-/web/verify?ticket=ABC", Until: until})))
			l := box.Wait(t, 1)
			require.Equal(t, "npm@registry.test", l.From)
			require.Equal(t, "ada@example.com", l.To)
			require.Equal(t, test.secure, l.TLS)
			require.Equal(t, test.user != "", l.User == "settee")
			require.Equal(t, "https://npm.test/-/web/verify?ticket=ABC", l.Link())
			require.Contains(t, l.Text, until.UTC().Format("15:04 MST"))
			require.Equal(t, "Confirm your e-mail address for https://npm.test", l.Header.Get("Subject"))
			require.Equal(t, `"settee" <npm@registry.test>`, l.Header.Get("From"))
			require.Equal(t, "auto-generated", l.Header.Get("Auto-Submitted"))
			require.NotEmpty(t, l.Header.Get("Message-Id"))
			require.NotEmpty(t, l.Header.Get("Date"))
			require.Contains(t, l.Header.Get("Content-Type"), "text/plain")
		})
	}
}

func TestNoPasswordInClear(t *testing.T) {
	box := fixtures.StartPostbox(t, fixtures.PostboxOptions{Password: "secret"})
	log := &journal{}
	q := open(t, strings.Replace(box.URL, "://", "://settee:secret@", 1), nil, log)
	require.NoError(t, q.Send(Message{Kind: "reset", To: "ada@example.com", Subject: "Hello", Text: "a link"}))
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "a message was not sent") }, 30*time.Second, time.Millisecond)
	require.Empty(t, box.Letters())
	require.NotContains(t, log.String(), "secret")
}

func TestElsewhereTLSIsRequired(t *testing.T) {
	box := fixtures.StartPostbox(t, fixtures.PostboxOptions{})
	log := &journal{}
	server, err := ParseServer(box.URL)
	require.NoError(t, err)
	server.Clear = false // as of another machine
	q, err := Open(Options{Server: server, From: "npm@registry.test", Waits: []time.Duration{}, Logger: slog.New(slog.NewTextHandler(log, nil))})
	require.NoError(t, err)
	defer q.Close()
	require.NoError(t, q.Send(Message{To: "ada@example.com", Subject: "Hello", Text: "a link"}))
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "a message was not sent") }, 30*time.Second, time.Millisecond)
	require.Contains(t, log.String(), "STARTTLS")
	require.Empty(t, box.Letters())
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		code, tries int
		taken       bool
	}{
		"for now, twice":     {451, 2, true},
		"for now, for ever":  {451, 9, false},
		"for good":           {550, 1, false},
		"for now, then good": {421, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			box := fixtures.StartPostbox(t, fixtures.PostboxOptions{Refuse: func(try int, to string) error {
				if to == "other@example.com" || try >= test.tries {
					return nil
				}
				return &smtp.SMTPError{Code: test.code, EnhancedCode: smtp.EnhancedCode{test.code / 100, 1, 1}, Message: "no"}
			}})
			log := &journal{}
			q := open(t, box.URL, nil, log)
			require.NoError(t, q.Send(Message{Kind: "verify", To: "ada@example.com", Subject: "Hello", Text: "https://npm.test/?ticket=SECRET"}))
			require.NoError(t, q.Send(Message{Kind: "verify", To: "other@example.com", Subject: "Hello", Text: "x"}))
			if test.taken {
				box.Wait(t, 2)
				require.NotContains(t, log.String(), "level=ERROR")
				return
			}
			require.Equal(t, "other@example.com", box.Wait(t, 1).To)
			require.Eventually(t, func() bool { return strings.Contains(log.String(), "a message was not sent") }, 30*time.Second, time.Millisecond)
			require.NotContains(t, log.String(), "SECRET")
			require.Len(t, box.Letters(), 1)
		})
	}
}

// A server that is away for a while loses nothing, and a message whose time is over is not sent.
func TestTheServerComesBack(t *testing.T) {
	box := fixtures.StartPostbox(t, fixtures.PostboxOptions{})
	server, err := ParseServer(box.URL)
	require.NoError(t, err)
	away := server
	away.Port = 1 // nobody listens there
	log := &journal{}
	q, err := Open(Options{Server: away, From: "npm@registry.test", Waits: []time.Duration{time.Hour}, Logger: slog.New(slog.NewTextHandler(log, nil))})
	require.NoError(t, err)
	require.NoError(t, q.Send(Message{To: "ada@example.com", Subject: "Hello", Text: "x"}))
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "cannot be used") }, 30*time.Second, time.Millisecond)
	require.NoError(t, q.Close())
	require.ErrorIs(t, q.Send(Message{To: "ada@example.com", Subject: "Hello"}), ErrClosed)

	q = open(t, box.URL, nil, log)
	require.NoError(t, q.Send(Message{To: "late@example.com", Subject: "Hello", Until: time.Now().Add(-time.Second)}))
	require.NoError(t, q.Send(Message{To: "ada@example.com", Subject: "Hello"}))
	require.Equal(t, "ada@example.com", box.Wait(t, 1).To)
	require.Contains(t, log.String(), "its time is over")
}

func TestTheQueueIsBounded(t *testing.T) {
	server, err := ParseServer("smtp://127.0.0.1:1")
	require.NoError(t, err)
	q, err := Open(Options{Server: server, From: "npm@registry.test", Waits: []time.Duration{time.Hour}})
	require.NoError(t, err)
	defer q.Close()
	for range queueBound + batchBound {
		err = errors.Join(err, q.Send(Message{To: "ada@example.com", Subject: "Hello"}))
	}
	require.Eventually(t, func() bool { return errors.Is(q.Send(Message{To: "ada@example.com", Subject: "Hello"}), ErrFull) }, 30*time.Second, time.Millisecond)
}

func TestHeadersCannotBeInjected(t *testing.T) {
	box := fixtures.StartPostbox(t, fixtures.PostboxOptions{})
	q := open(t, box.URL, nil, &journal{})
	for _, to := range []string{
		"", "ada", "@example.com", "ada@", "ada@example.com\r\nBcc: eve@example.com", "ada@example.com\nX: y", "ada@example.com,eve@example.com",
		"Ada <ada@example.com>", "<ada@example.com>", "ada@example.com>\r\nRCPT TO:<eve@example.com", `"a b"@example.com`, "ada@example.com (eve)",
		"ada @example.com", "ada@example.com\x00", "ada\u2028@example.com", "ada\u202e@example.com", "a@b@example.com", "ada@example.com ", strings.Repeat("a", 250) + "@example.com", "\xff@example.com",
		"group:ada@example.com;", "ada@[127.0.0.1]",
	} {
		require.ErrorIs(t, q.Send(Message{To: to, Subject: "Hello"}), ErrAddress, "%q", to)
	}
	for _, subject := range []string{"", "Hello\r\nBcc: eve@example.com", "Hello\nX", "\x00", "\u0085", strings.Repeat("a", 201)} {
		require.ErrorIs(t, q.Send(Message{To: "ada@example.com", Subject: subject}), ErrSubject, "%q", subject)
	}
	require.NoError(t, q.Send(Message{To: "ada@example.com", Subject: "Grüße", Text: "one\r\n.\r\nMAIL FROM:<eve@example.com>\r\n"}))
	l := box.Wait(t, 1)
	require.Contains(t, l.Text, "MAIL FROM:<eve@example.com>") // the dot did not end it
	require.Equal(t, "ada@example.com", l.To)
	require.Len(t, box.Letters(), 1)
}

func TestServers(t *testing.T) {
	for location, want := range map[string]Server{
		"smtp://mail.example.com":                   {Host: "mail.example.com", Port: 587},
		"smtp://mail.example.com:25?tls=false":      {Host: "mail.example.com", Port: 25, Clear: true},
		"smtps://u:p%40ss@mail.example.com":         {Host: "mail.example.com", Port: 465, User: "u", Password: "p@ss", TLS: true},
		"smtp://u@example.com:p@mail.example.com:1": {Host: "mail.example.com", Port: 1, User: "u@example.com", Password: "p"},
		"smtp://localhost:1025":                     {Host: "localhost", Port: 1025, Clear: true},
		"smtp://[::1]:1025":                         {Host: "::1", Port: 1025, Clear: true},
	} {
		got, err := ParseServer(location)
		require.NoError(t, err, location)
		require.Equal(t, want, got, location)
	}
	for _, location := range []string{"", "mail.example.com:587", "http://mail.example.com", "smtp://", "smtp://u:hunter2@:25", "smtp://u:hunter2@host:port",
		"smtp://u:hunter2@host:0", "smtp://u:hunter2@host/path", "smtp://u:hunter2@host?x=y", "smtps://u:hunter2@host?tls=false", "smtp://u:hunter2@ho st"} {
		_, err := ParseServer(location)
		require.ErrorIs(t, err, errServer, location)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestWordsSayWhatTheyAreAbout(t *testing.T) {
	l := Letter{To: "ada@example.com", User: "ada", Site: "https://npm.test", Link: "https://npm.test/-/web/x?ticket=ABC", Until: time.Unix(0, 0), By: "bob"}
	for kind, make := range map[string]func(Letter) Message{"verify": Verify, "reset": Reset, "invite": Invite, "changed": Changed} {
		m := make(l)
		require.NoError(t, m.check(), kind)
		require.Equal(t, kind, m.Kind)
		require.Contains(t, m.Text, l.Link, kind)
		require.Contains(t, m.Subject+m.Text, l.Site, kind)
		require.NotContains(t, m.Text, "<no value>", kind)
		for line := range strings.SplitSeq(m.Text, "\n") {
			require.LessOrEqual(t, len(line), 76, fmt.Sprintf("%s: %q", kind, line))
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"ada@example.com", "Ada <ada@example.com>", "a\r\n@b", "a,b@c", "@", `"x"@y`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !Address(text) {
			return
		}
		require.False(t, strings.ContainsAny(text, "\r\n\x00<>,; "), "%q", text)
		_, err := Message{To: text, Subject: "Hello"}.wire("npm@registry.test", time.Unix(0, 0))
		require.NoError(t, err, "%q", text)
	})
}
