package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"settee/auth"
	"settee/auth/audit"
)

const orgExamples = `  settee org create acme --owner ada --db http://admin:password@127.0.0.1:5984
  settee org add acme bob --role admin --db http://admin:password@127.0.0.1:5984
  settee org ls acme --db http://admin:password@127.0.0.1:5984
  settee org rm acme bob --db http://admin:password@127.0.0.1:5984

An organisation owns the packages of the scope of its name. Its owners do the rest with npm: npm org, npm team and
npm access. ROLE is owner, admin or developer. --db is any CouchDB API, a settee's that runs among them, with the
credentials of a server admin, who is recorded in the audit log.
`

// orgJob is what the command line asks for.
type orgJob struct {
	words       []string // the verb, the organisation and, of some, the user
	owner, role string
	db          string
}

// orgVerbs are the jobs, and how many words each takes.
var orgVerbs = map[string]struct {
	words int
	do    func(*orgJob, context.Context, *office) error
}{
	"create": {2, (*orgJob).create}, "add": {3, (*orgJob).add}, "rm": {3, (*orgJob).remove}, "ls": {2, (*orgJob).list},
}

func (j *orgJob) read(args []string, stdout io.Writer) error {
	fs := newFlags("org", "create|ls|add|rm NAME [USER]: organisations, which own scopes", orgExamples, stdout)
	fs.StringVar(&j.owner, "owner", "", "`USER` who is the first owner of what create makes")
	fs.StringVar(&j.role, "role", string(auth.RoleDeveloper), "`ROLE` of who is added")
	fs.StringVar(&j.db, "db", "", "`URL` of the CouchDB API, with a server admin's credentials")
	var err error
	if j.words, err = readWords(fs, args); err != nil {
		return err
	}
	verb := ""
	if len(j.words) > 0 {
		verb = j.words[0]
	}
	v, known := orgVerbs[verb]
	switch {
	case !known:
		return usageError{errors.New("org wants create, ls, add or rm: settee org --help shows examples")}
	case len(j.words) != v.words:
		return usageError{fmt.Errorf("org %s wants %s: settee org --help shows examples", verb, []string{"", "", "NAME", "NAME and USER"}[v.words])}
	case verb == "create" && j.owner == "":
		return usageError{errors.New("org create wants --owner USER")}
	case j.db == "":
		return usageError{errors.New("org wants --db URL, the CouchDB API of the server")}
	}
	return nil
}

// org makes an organisation, or says who its members are.
func org(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	var j orgJob
	if err := j.read(args, stdout); err != nil {
		return err
	}
	f, err := openOffice(ctx, j.db, auth.Options{}, j.words[0] == "ls", stdout, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	return orgVerbs[j.words[0]].do(&j, ctx, f)
}

func (j *orgJob) create(ctx context.Context, f *office) error {
	err := f.CreateOrg(ctx, f.by, j.words[1], j.owner)
	e := audit.Entry{Act: audit.OrgCreate, On: j.words[1], Details: map[string]string{"user": j.owner}}
	return f.done(e, err, "%s owns the organisation %s", j.owner, j.words[1])
}

func (j *orgJob) add(ctx context.Context, f *office) error {
	err := f.SetMember(ctx, f.by, j.words[1], j.words[2], auth.Role(j.role))
	e := audit.Entry{Act: audit.OrgMember, On: j.words[1], Details: map[string]string{"user": j.words[2], "role": j.role}}
	return f.done(e, err, "%s is %s of %s", j.words[2], j.role, j.words[1])
}

func (j *orgJob) remove(ctx context.Context, f *office) error {
	err := f.RemoveMember(ctx, f.by, j.words[1], j.words[2])
	e := audit.Entry{Act: audit.OrgRemove, On: j.words[1], Details: map[string]string{"user": j.words[2]}}
	return f.done(e, err, "%s is not in %s any more", j.words[2], j.words[1])
}

func (j *orgJob) list(ctx context.Context, f *office) error {
	o, err := f.Org(ctx, j.words[1])
	if errors.Is(err, auth.ErrNoOrg) {
		return fmt.Errorf("there is no organisation %s", j.words[1])
	}
	if err != nil {
		return err
	}
	members := o.Members()
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(members)) {
		fmt.Fprintf(&out, "%-24s %s\n", name, members[name])
	}
	_, err = io.WriteString(f.w, out.String())
	return err
}
