package mail

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// A Server is where messages are handed in.
type Server struct {
	Host           string
	Port           int
	User, Password string
	TLS            bool        // from the first byte; else by STARTTLS
	Clear          bool        // without TLS where the server has none
	Config         *tls.Config // nil: the system's certificates, TLS 1.2 at least
}

// The ports where none is given.
const (
	portSubmission  = 587 // RFC 6409
	portSubmissions = 465 // RFC 8314
)

var errServer = errors.New("want smtp://user:password@host:587 or smtps://user:password@host:465")

// ParseServer reads the URL of a server. Its errors do not repeat it, for it may hold a password.
func ParseServer(location string) (Server, error) {
	u, err := url.Parse(location)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return Server{}, errServer
	}
	s := Server{Host: u.Hostname(), User: u.User.Username()}
	s.Password, _ = u.User.Password()
	switch u.Scheme {
	case "smtp":
		s.Port = portSubmission
	case "smtps":
		s.Port, s.TLS = portSubmissions, true
	default:
		return Server{}, errServer
	}
	if u.Port() != "" {
		if s.Port, err = strconv.Atoi(u.Port()); err != nil || s.Port < 1 || s.Port > 65535 {
			return Server{}, errServer
		}
	}
	for name, values := range u.Query() {
		if name != "tls" || len(values) != 1 || values[0] != "false" || s.TLS {
			return Server{}, fmt.Errorf("%w; of parameters only smtp's ?tls=false is known", errServer)
		}
		s.Clear = true
	}
	s.Clear = s.Clear || s.local()
	return s, nil
}

// local reports whether the server is on this machine, where nobody listens on the line.
func (s Server) local() bool {
	addr, err := netip.ParseAddr(s.Host)
	return s.Host == "localhost" || err == nil && addr.IsLoopback()
}

// dialTime bounds the connection and each command on it.
const dialTime = 15 * time.Second

func (s Server) client() (*gomail.Client, error) {
	options := []gomail.Option{gomail.WithPort(s.Port), gomail.WithTimeout(dialTime), gomail.WithoutNoop()}
	switch {
	case s.TLS:
		options = append(options, gomail.WithSSL())
	case s.Clear:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.Config != nil {
		options = append(options, gomail.WithTLSConfig(s.Config))
	}
	if s.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.User), gomail.WithPassword(s.Password))
	}
	return gomail.NewClient(s.Host, options...)
}
