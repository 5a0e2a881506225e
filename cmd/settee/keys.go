package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"settee/auth"
	"settee/auth/audit"
	"settee/registry"
)

const keysExamples = `  settee keys list --db http://admin:password@127.0.0.1:5984
  settee keys rotate --db http://admin:password@127.0.0.1:5984
  settee keys revoke SHA256:kbNc2K… --db http://admin:password@127.0.0.1:5984
  settee keys import keys.json --db http://admin:password@127.0.0.1:5984

Each version that is published is signed, and npm audit signatures checks it. rotate makes a key that signs from now on;
those before it end a day later, and what they signed stays good. revoke is for a key that was stolen: what it
signed is signed anew, and the servers show no keys until that is done. import takes in the public keys of another
registry, as it answers them at /-/npm/v1/keys: packages that were replicated from there keep their signatures.
`

type keysJob struct {
	words []string
	db    string
}

// keysVerbs are the jobs, and how many words each takes.
var keysVerbs = map[string]struct {
	words int
	do    func(*keysJob, context.Context, *office, *registry.Keys) error
}{
	"list": {1, (*keysJob).list}, "rotate": {1, (*keysJob).rotate}, "revoke": {2, (*keysJob).revoke}, "import": {2, (*keysJob).load},
}

func (j *keysJob) read(args []string, stdout io.Writer) (err error) {
	fs := newFlags("keys", "list|rotate|revoke KEY|import FILE: the keys of signatures", keysExamples, stdout)
	fs.StringVar(&j.db, "db", "", "`URL` of the CouchDB API, with a server admin's credentials")
	if j.words, err = readWords(fs, args); err != nil {
		return err
	}
	verb := ""
	if len(j.words) > 0 {
		verb = j.words[0]
	}
	v, known := keysVerbs[verb]
	switch {
	case !known:
		return usageError{errors.New("keys wants list, rotate, revoke or import: settee keys --help shows examples")}
	case len(j.words) != v.words:
		return usageError{fmt.Errorf("keys %s wants %s: settee keys --help shows examples", verb, map[string]string{"revoke": "KEY", "import": "FILE"}[verb])}
	case j.db == "":
		return usageError{errors.New("keys wants --db URL, the CouchDB API of the server")}
	}
	return nil
}

// keys administers the keys of signatures.
func keys(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	var j keysJob
	if err := j.read(args, stdout); err != nil {
		return err
	}
	f, err := openOffice(ctx, j.db, auth.Options{}, j.words[0] == "list", stdout, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	k, err := registry.OpenKeys(ctx, f.client)
	if err != nil {
		return err
	}
	return keysVerbs[j.words[0]].do(&j, ctx, f, k)
}

func (j *keysJob) list(ctx context.Context, f *office, k *registry.Keys) error {
	all, spoilt, err := k.All(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(f.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tCREATED\tEXPIRES\tSTATE")
	now := time.Now()
	for _, key := range all {
		state := "ended"
		switch {
		case key.Revoked:
			state = "revoked"
		case key.Signs(now):
			state = "signs"
		case key.ValidAt(now):
			state = "another registry's"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", key.ID, day(key.Created), day(key.Expires), state)
	}
	for id, why := range spoilt {
		fmt.Fprintf(w, "%s\t-\t-\tspoilt: %v\n", id, why)
	}
	return w.Flush()
}

func keyEntry(id, what string) audit.Entry {
	return audit.Entry{Act: audit.ServerKey, On: id, Details: map[string]string{"what": what}}
}

func (j *keysJob) rotate(ctx context.Context, f *office, k *registry.Keys) error {
	key, err := k.Rotate(ctx, time.Now())
	if key == nil {
		return f.done(keyEntry("", "rotate"), err, "")
	}
	return f.done(keyEntry(key.ID, "rotate"), err, "%s signs from now on", key)
}

func (j *keysJob) revoke(ctx context.Context, f *office, k *registry.Keys) error {
	id := j.words[1]
	return f.done(keyEntry(id, "revoke"), k.Revoke(ctx, id, time.Now()), "%s is revoked; what it signed is being signed anew", id)
}

// load takes in the keys of a file.
func (j *keysJob) load(ctx context.Context, f *office, k *registry.Keys) error {
	raw, err := os.ReadFile(j.words[1])
	if err != nil {
		return err
	}
	var list struct {
		Keys []struct {
			ID      string     `json:"keyid"`
			Key     string     `json:"key"`
			Expires *time.Time `json:"expires"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(raw, &list); err != nil || len(list.Keys) == 0 {
		return fmt.Errorf("%s is no list of keys, as a registry answers it at /-/npm/v1/keys", j.words[1])
	}
	for _, key := range list.Keys {
		var expires time.Time
		if key.Expires != nil {
			expires = *key.Expires
		}
		if err := f.done(keyEntry(key.ID, "import"), k.Import(ctx, key.ID, key.Key, expires, time.Now()), "%s is taken in", key.ID); err != nil {
			return err
		}
	}
	return nil
}
