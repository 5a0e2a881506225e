package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"os"
	"strings"

	"settee/auth/mail"
)

// postSettings say how messages are sent.
type postSettings struct {
	smtp, passwordFile, from string

	server mail.Server // as check read it
}

func (p *postSettings) flags(fs *flag.FlagSet) {
	fs.StringVar(&p.smtp, "smtp", "", "`URL` of an SMTP server, smtp://user:password@host:587 (STARTTLS) or smtps://; without it no mail is sent: nobody confirms an address or resets a password")
	fs.StringVar(&p.passwordFile, "smtp-password-file", "", "`FILE` with the password of --smtp")
	fs.StringVar(&p.from, "mail-from", "", "`ADDRESS` that mail comes from: settee <npm@example.com>")
}

// check reads the flags. Links in mail begin with site: what a client says it asked must not be in them.
func (p *postSettings) check(site string) (err error) {
	if p.smtp == "" {
		if p.passwordFile != "" || p.from != "" {
			return errors.New("--mail-from and --smtp-password-file want --smtp URL")
		}
		return nil
	}
	if p.server, err = mail.ParseServer(p.smtp); err != nil {
		return fmt.Errorf("--smtp: %w", err)
	}
	if p.passwordFile != "" {
		password, err := os.ReadFile(p.passwordFile)
		if err != nil {
			return fmt.Errorf("--smtp-password-file: %w", err)
		}
		p.server.Password = strings.TrimRight(string(password), "\r\n")
	}
	if _, err := netmail.ParseAddress(p.from); err != nil {
		return errors.New("--smtp wants --mail-from ADDRESS")
	}
	if site == "" {
		return errors.New("--smtp wants --public-url URL: links in mail begin with it")
	}
	return nil
}

// open begins to send; nil where nothing is sent.
func (p *postSettings) open(log *slog.Logger) (*mail.Queue, error) {
	if p.smtp == "" {
		return nil, nil
	}
	return mail.Open(mail.Options{Server: p.server, From: p.from, Logger: log})
}
