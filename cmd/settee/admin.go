package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// admin is the server admin of both APIs.
type admin struct {
	name, password string
	made           bool // at this start
	file           string
}

// adminOf is the admin that --admin names, or the one kept in DATA/admin, which
// is made where it is missing.
func (s *settings) adminOf() (admin, error) {
	if s.admin != "" {
		a, err := parseAdmin(s.admin)
		if err != nil {
			return a, usageError{fmt.Errorf("--admin: %w", err)}
		}
		return a, nil
	}
	file := filepath.Join(s.data, "admin")
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return makeAdmin(file)
	}
	if err != nil {
		return admin{}, fmt.Errorf("read the admin's password: %w", err)
	}
	a, err := parseAdmin(strings.TrimSpace(string(raw)))
	if err != nil {
		return a, fmt.Errorf("%s: %w", file, err)
	}
	return a, nil
}

func makeAdmin(file string) (admin, error) {
	a := admin{name: "admin", password: rand.Text(), made: true, file: file}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return a, fmt.Errorf("make --data: %w", err)
	}
	if err := os.WriteFile(file, []byte(a.name+":"+a.password+"\n"), 0o600); err != nil {
		return a, fmt.Errorf("keep the admin's password: %w", err)
	}
	return a, nil
}

func parseAdmin(s string) (admin, error) {
	name, password, ok := strings.Cut(s, ":")
	if !ok || name == "" || password == "" {
		return admin{}, errors.New("want NAME:PASSWORD")
	}
	return admin{name: name, password: password}, nil
}
