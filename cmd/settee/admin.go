package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// admin is the server admin of both APIs.
type admin struct {
	name, password string
	file           string // where the password is kept, or ""
	made           bool   // at this start
}

// adminOf is the admin that --admin names, else the user of --db, who is the
// cluster's admin already, else the one kept in DATA/admin, else a new one.
func (s *settings) adminOf() (admin, error) {
	if s.admin != "" {
		a, err := parseAdmin(s.admin)
		if err != nil {
			return a, usageError{fmt.Errorf("--admin: %w", err)}
		}
		return a, nil
	}
	if u, err := url.Parse(s.db); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			return admin{name: u.User.Username(), password: password}, nil
		}
	}
	return keptAdmin(filepath.Join(s.data, "admin"))
}

// keptAdmin reads the file, or makes an admin who is to be kept there.
func keptAdmin(file string) (admin, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return admin{name: "admin", password: rand.Text(), file: file, made: true}, nil
	}
	if errors.Is(err, syscall.ENOTDIR) {
		return admin{}, fmt.Errorf("--data %s: not a folder", filepath.Dir(file))
	}
	if err != nil {
		return admin{}, fmt.Errorf("read the admin's password: %w", err)
	}
	a, err := parseAdmin(strings.TrimSpace(string(raw)))
	if err != nil {
		return a, fmt.Errorf("%s: %w", file, err)
	}
	a.file = file
	return a, nil
}

// keep writes a new admin's password down; it is durable when keep returns, and
// the file is whole or absent after a crash.
func (a admin) keep() error {
	if !a.made {
		return nil
	}
	if err := a.write(); err != nil {
		return fmt.Errorf("keep the admin's password: %w", err)
	}
	return nil
}

func (a admin) write() error {
	dir := filepath.Dir(a.file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "admin-*") // 0600, as CreateTemp promises
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s:%s\n", a.name, a.password)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), a.file); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// String says in the banner who the admin is; a password is shown once.
func (a admin) String() string {
	switch {
	case a.made:
		return fmt.Sprintf("%s (password %s, shown once; kept in %s)", a.name, a.password, a.file)
	case a.file != "":
		return fmt.Sprintf("%s (password kept in %s)", a.name, a.file)
	}
	return a.name
}

func parseAdmin(s string) (admin, error) {
	name, password, ok := strings.Cut(s, ":")
	if !ok || name == "" || password == "" {
		return admin{}, errors.New("want NAME:PASSWORD")
	}
	return admin{name: name, password: password}, nil
}
