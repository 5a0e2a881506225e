package auth

import (
	"cmp"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// Claims are what an id-token must say, in the form that npm trust sends: values by name, a file below the
// claim that has it in a reference.
type Claims map[string]any

func (c Claims) text(name string) string {
	text, _ := c[name].(string)
	return text
}

// file is what stands below the claim that refers to the file of a workflow.
func (c Claims) file(name string) string {
	below, _ := c[name].(map[string]any)
	text, _ := below["file"].(string)
	return text
}

// texts is a claim that is a list of strings; ok is false where it is something else.
func (c Claims) texts(name string) (list []string, ok bool) {
	if c[name] == nil {
		return nil, true
	}
	values, ok := c[name].([]any)
	for _, v := range values {
		text, isText := v.(string)
		ok = ok && isText && text != ""
		list = append(list, text)
	}
	return list, ok
}

// The claims of circleci.
const (
	circleOrg      = "oidc.circleci.com/org-id"
	circleProject  = "oidc.circleci.com/project-id"
	circlePipeline = "oidc.circleci.com/pipeline-definition-id"
	circleOrigin   = "oidc.circleci.com/vcs-origin"
	circleContexts = "oidc.circleci.com/context-ids"
)

// matcher knows the claims of a kind of publisher.
type matcher struct {
	check  func(want Claims) error
	fits   func(want Claims, issuer string, said Claims) bool
	source string   // the claim that says what is built
	ids    []string // claims that say which one of that name it is
}

var (
	githubIDs = []string{"repository_id", "repository_owner_id"}
	gitlabIDs = []string{"project_id", "namespace_id"}
)

var matchers = map[string]matcher{
	"github":   {checkGitHub, fitsGitHub, "repository", githubIDs},
	"gitlab":   {checkGitLab, fitsGitLab, "project_path", gitlabIDs},
	"circleci": {checkCircle, fitsCircle, circleOrigin, nil}, // its claims are ids
}

// describes reports whether an id-token, which was proved, is of this publisher.
func (p Publisher) describes(said jwt.MapClaims) bool {
	m, known := matchers[p.Kind]
	return known && said["iss"] == p.Issuer && m.check(p.Claims) == nil && m.fits(p.Claims, p.Issuer, Claims(said))
}

// source is what the publisher builds.
func (p Publisher) source() string { return p.Claims.text(matchers[p.Kind].source) }

// only refuses claims that no publisher of the kind has: what is not compared must not look as if it were.
func (c Claims) only(names ...string) error {
	for name := range c {
		if !slices.Contains(names, name) {
			return badRequest("invalid claims: " + name + " is not known")
		}
	}
	return nil
}

// plainPath reports whether text is names with slashes between, at least so many.
func plainPath(text string, least int) bool {
	parts := strings.Split(text, "/")
	return len(text) <= 500 && len(parts) >= least && !slices.ContainsFunc(parts, func(s string) bool {
		return s == "" || s == "." || s == ".." || strings.ContainsAny(s, "@:?#%*\\ \t\r\n")
	})
}

func workflowFile(file string) bool {
	return plainPath(file, 1) && path.Base(file) == file && (strings.HasSuffix(file, ".yml") || strings.HasSuffix(file, ".yaml"))
}

func (c Claims) checkEnvironment() error {
	if text, isText := c["environment"].(string); c["environment"] != nil && (!isText || text == "" || len(text) > 255) {
		return badRequest("invalid claims: environment must be a name")
	}
	return nil
}

// environment compares the environment of a job, where one is asked for.
func (c Claims) environment(said Claims) bool {
	want := c.text("environment")
	return want == "" || strings.EqualFold(want, said.text("environment"))
}

func checkGitHub(c Claims) error {
	if err := c.only(slices.Concat(githubIDs, []string{"repository", "workflow_ref", "environment"})...); err != nil {
		return err
	}
	if repo := c.text("repository"); !plainPath(repo, 2) || strings.Count(repo, "/") != 1 {
		return badRequest("invalid claims: repository must be owner/name")
	}
	if !workflowFile(c.file("workflow_ref")) {
		return badRequest("invalid claims: workflow_ref.file must be a file that ends in .yml or .yaml, without a path")
	}
	return cmp.Or(c.checkIDs(githubIDs), c.checkEnvironment())
}

// fitsGitHub: workflow_ref is owner/name/.github/workflows/FILE@REF. GitHub tells upper and lower case of owners and
// repositories not apart, of files it does.
func fitsGitHub(want Claims, _ string, said Claims) bool {
	repo := want.text("repository")
	ref, _, found := strings.Cut(said.text("workflow_ref"), "@")
	file := "/.github/workflows/" + want.file("workflow_ref")
	return found && strings.EqualFold(said.text("repository"), repo) && len(ref) == len(repo)+len(file) &&
		strings.EqualFold(ref[:len(repo)], repo) && ref[len(repo):] == file && want.environment(said) && want.ids(said, githubIDs)
}

func checkGitLab(c Claims) error {
	if err := c.only(slices.Concat(gitlabIDs, []string{"project_path", "ci_config_ref_uri", "environment"})...); err != nil {
		return err
	}
	if !plainPath(c.text("project_path"), 2) {
		return badRequest("invalid claims: project_path must be group/project")
	}
	if !workflowFile(c.file("ci_config_ref_uri")) {
		return badRequest("invalid claims: ci_config_ref_uri.file must be a file that ends in .yml or .yaml, without a path")
	}
	return cmp.Or(c.checkIDs(gitlabIDs), c.checkEnvironment())
}

// fitsGitLab: ci_config_ref_uri is HOST/group/project//PATH@REF, and null where the file is another project's.
func fitsGitLab(want Claims, issuer string, said Claims) bool {
	at, err := url.Parse(issuer)
	if err != nil {
		return false
	}
	project := want.text("project_path")
	ref, _, found := strings.Cut(said.text("ci_config_ref_uri"), "@")
	place, file, split := strings.Cut(ref, "//")
	return found && split && strings.EqualFold(said.text("project_path"), project) && strings.EqualFold(place, at.Host+"/"+project) &&
		path.Base(file) == want.file("ci_config_ref_uri") && want.environment(said) && want.ids(said, gitlabIDs)
}

func checkCircle(c Claims) error {
	if err := c.only(circleOrg, circleProject, circlePipeline, circleOrigin, circleContexts); err != nil {
		return err
	}
	for _, name := range []string{circleOrg, circleProject, circlePipeline} {
		if id := c.text(name); !plainPath(id, 1) || strings.Contains(id, "/") {
			return badRequest("invalid claims: " + name + " must be an id")
		}
	}
	if !plainPath(c.text(circleOrigin), 3) {
		return badRequest("invalid claims: " + circleOrigin + " must be provider/owner/repository")
	}
	if _, ok := c.texts(circleContexts); !ok {
		return badRequest("invalid claims: " + circleContexts + " must be a list of ids")
	}
	return nil
}

// fitsCircle: a job has all contexts that are asked for.
func fitsCircle(want Claims, _ string, said Claims) bool {
	for _, name := range []string{circleOrg, circleProject, circlePipeline} {
		if said.text(name) != want.text(name) {
			return false
		}
	}
	need, _ := want.texts(circleContexts)
	have, ok := said.texts(circleContexts)
	return ok && strings.EqualFold(said.text(circleOrigin), want.text(circleOrigin)) &&
		!slices.ContainsFunc(need, func(id string) bool { return !slices.Contains(have, id) })
}
