package auth

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"settee/fixtures"
	"settee/fixtures/engine"
)

func TestPublishers(t *testing.T) {
	a, _, issuer, first := trusting(t)
	ada := Identity{Name: "ada"}
	claims := func(repo string) Claims {
		return Claims{"repository": repo, "workflow_ref": map[string]any{"file": "publish.yml"}}
	}
	add := func(p Publisher) error {
		p.Package = "left"
		_, err := a.AddPublisher(t.Context(), ada, p)
		return err
	}
	require.ErrorIs(t, add(Publisher{Kind: "github", Claims: claims("acme/left"), Permissions: []string{MayStage}}), &Error{Kind: Exists})
	for _, bad := range []Publisher{
		{Kind: "jenkins", Claims: claims("acme/left")}, {Kind: "gitlab", Claims: claims("acme/left")}, {Kind: "github"},
		{Kind: "github", Claims: claims("acme/other")}, {Kind: "github", Claims: claims("acme/other"), Permissions: []string{"all"}},
	} {
		require.ErrorIs(t, add(bad), &Error{Kind: BadRequest})
	}
	for i := range mostPublishers - 1 {
		require.NoError(t, add(Publisher{Kind: "github", Claims: claims("acme/p" + string(rune('a'+i))), Permissions: []string{MayPublish}}))
	}
	require.ErrorContains(t, add(Publisher{Kind: "github", Claims: claims("acme/more"), Permissions: []string{MayPublish}}), "at most 10")
	list, err := a.Publishers(t.Context(), "left")
	require.NoError(t, err)
	require.Len(t, list, mostPublishers)
	require.True(t, slices.ContainsFunc(list, func(p Publisher) bool { return p.ID == first.ID && reflect.DeepEqual(p.Claims, first.Claims) }))
	for _, other := range []string{"lef", "left2", "left:", ""} {
		list, err := a.Publishers(t.Context(), other)
		require.NoError(t, err)
		require.Empty(t, list, other)
	}
	require.Error(t, a.RemovePublisher(t.Context(), "lef", "t:"+first.ID))

	_, err = a.publishers.Put(t.Context(), "left:spoilt", map[string]any{"type": "publisher", "package": "left", "kind": "github", "issuer": issuer.URL, "claims": 7})
	require.NoError(t, err)
	list, err = a.Publishers(t.Context(), "left")
	require.NoError(t, err)
	require.Len(t, list, mostPublishers, "what cannot be read is not trusted")
	_, _, err = a.Exchange(t.Context(), issuer.Token(job, forUs), "left", anyMay)
	require.NoError(t, err)
}

func TestClaims(t *testing.T) {
	parse := func(text string) (c Claims) {
		require.NoError(t, json.Unmarshal([]byte(text), &c))
		return c
	}
	const circle = `"oidc.circleci.com/org-id":"o","oidc.circleci.com/project-id":"p","oidc.circleci.com/pipeline-definition-id":"d","oidc.circleci.com/vcs-origin":"github.com/acme/left"`
	github := `{"repository":"acme/left","workflow_ref":{"file":"publish.yml"}}`
	staging := `{"repository":"acme/left","workflow_ref":{"file":"publish.yml"},"environment":"npm"}`
	gitlab := `{"project_path":"acme/tools/left","ci_config_ref_uri":{"file":".gitlab-ci.yml"}}`
	for _, test := range []struct {
		kind, want, said string
		fits             bool
	}{
		{"github", github, `{"repository":"acme/left","workflow_ref":"acme/left/.github/workflows/publish.yml@refs/heads/main"}`, true},
		{"github", github, `{"repository":"Acme/Left","workflow_ref":"Acme/Left/.github/workflows/publish.yml@refs/tags/v1","environment":"x"}`, true},
		{"github", github, `{"repository":"acme/left","workflow_ref":"acme/left/.github/workflows/PUBLISH.yml@refs/heads/main"}`, false},
		{"github", github, `{"repository":"acme/left","workflow_ref":"acme/left/.github/workflows/publish.yml"}`, false},
		{"github", github, `{"repository":"acme/left","workflow_ref":"acme/left/.github/workflows/x/publish.yml@refs/heads/main"}`, false},
		{"github", github, `{"repository":"acme/left","workflow_ref":"evil/left/.github/workflows/publish.yml@refs/heads/main"}`, false},
		{"github", github, `{"repository":"evil/left","workflow_ref":"acme/left/.github/workflows/publish.yml@refs/heads/main"}`, false},
		{"github", github, `{"repository":["acme/left"],"workflow_ref":{"file":"publish.yml"}}`, false},
		{"github", github, `{}`, false},
		{"github", staging, `{"repository":"acme/left","workflow_ref":"acme/left/.github/workflows/publish.yml@x","environment":"NPM"}`, true},
		{"github", staging, `{"repository":"acme/left","workflow_ref":"acme/left/.github/workflows/publish.yml@x"}`, false},
		{"github", staging, `{"repository":"acme/left","workflow_ref":"acme/left/.github/workflows/publish.yml@x","environment":"other"}`, false},
		{"gitlab", gitlab, `{"project_path":"acme/tools/left","ci_config_ref_uri":"git.example/acme/tools/left//.gitlab-ci.yml@refs/heads/main"}`, true},
		{"gitlab", gitlab, `{"project_path":"acme/tools/left","ci_config_ref_uri":"evil.example/acme/tools/left//.gitlab-ci.yml@refs/heads/main"}`, false},
		{"gitlab", gitlab, `{"project_path":"acme/tools/left","ci_config_ref_uri":"git.example/acme/tools/other//.gitlab-ci.yml@refs/heads/main"}`, false},
		{"gitlab", gitlab, `{"project_path":"acme/tools/other","ci_config_ref_uri":"git.example/acme/tools/left//.gitlab-ci.yml@refs/heads/main"}`, false},
		{"gitlab", gitlab, `{"project_path":"acme/tools/left","ci_config_ref_uri":null}`, false},
		{"circleci", `{` + circle + `}`, `{` + circle + `,"oidc.circleci.com/context-ids":["c"]}`, true},
		{"circleci", `{` + circle + `,"oidc.circleci.com/context-ids":["c"]}`, `{` + circle + `,"oidc.circleci.com/context-ids":["b","c"]}`, true},
		{"circleci", `{` + circle + `,"oidc.circleci.com/context-ids":["c"]}`, `{` + circle + `}`, false},
		{"circleci", `{` + circle + `}`, `{"oidc.circleci.com/org-id":"o"}`, false},
	} {
		want := parse(test.want)
		require.NoError(t, matchers[test.kind].check(want), test.want)
		p := Publisher{Kind: test.kind, Issuer: "https://git.example", Claims: want}
		said := jwt.MapClaims(parse(test.said))
		said["iss"] = "https://git.example"
		require.Equal(t, test.fits, p.describes(said), "%s %s", test.want, test.said)
		said["iss"] = "https://evil.example"
		require.False(t, p.describes(said))
	}
	for kind, list := range map[string][]string{
		"github": {`{}`, `{"repository":"acme","workflow_ref":{"file":"a.yml"}}`, `{"repository":"a/b/c","workflow_ref":{"file":"a.yml"}}`, `{"repository":"a/..","workflow_ref":{"file":"a.yml"}}`,
			`{"repository":"a/b@c","workflow_ref":{"file":"a.yml"}}`, `{"repository":"a/b","workflow_ref":{"file":"x/a.yml"}}`, `{"repository":"a/b","workflow_ref":{"file":"a.sh"}}`,
			`{"repository":"a/b","workflow_ref":"a.yml"}`, `{"repository":"a/*","workflow_ref":{"file":"a.yml"}}`, `{"repository":"a/b","workflow_ref":{"file":"a.yml"},"environment":""}`,
			`{"repository":"a/b","workflow_ref":{"file":"a.yml"},"environment":{}}`, `{"repository":"a/b","workflow_ref":{"file":"a.yml"},"ref":"refs/heads/main"}`},
		"gitlab":   {`{}`, `{"project_path":"a","ci_config_ref_uri":{"file":"a.yml"}}`, `{"project_path":"a/b","ci_config_ref_uri":{}}`, `{"project_path":"a/b","ci_config_ref_uri":{"file":"a.yml"},"x":1}`},
		"circleci": {`{}`, `{` + circle + `,"oidc.circleci.com/context-ids":"c"}`, `{` + circle + `,"oidc.circleci.com/context-ids":[1]}`, `{` + circle + `,"x":1}`},
	} {
		for _, text := range list {
			require.ErrorIs(t, matchers[kind].check(parse(text)), &Error{Kind: BadRequest}, text)
		}
	}
}

// TestCircleCI has an issuer for each organisation: only that of the one that is trusted is asked.
func TestCircleCI(t *testing.T) {
	client := engine.Open(t).Client
	issuer := fixtures.NewIssuer(t, "/org/o1")
	o := testOptions(newClock())
	now := time.Now()
	o.Now = func() time.Time { return now }
	base := issuer.URL[:len(issuer.URL)-len("/org/o1")]
	o.OIDC = OIDC{Audience: "npm:npm.example.com", Issuers: map[string]string{"circleci": base}}
	a := openAuth(t, client, o)
	who, err := a.Signup(t.Context(), "ada", "correct horse", "ada@example.com")
	require.NoError(t, err)
	claims := Claims{circleOrg: "o1", circleProject: "p", circlePipeline: "d", circleOrigin: "github.com/acme/left"}
	p, err := a.AddPublisher(t.Context(), who, Publisher{Package: "left", Kind: "circleci", Claims: claims, Permissions: []string{MayStage}})
	require.NoError(t, err)
	require.Equal(t, issuer.URL, p.Issuer)
	_, shown, err := a.Exchange(t.Context(), issuer.Token(jwt.MapClaims(claims), forUs), "left", anyMay)
	require.NoError(t, err)
	require.Equal(t, StageOnly, shown.Permission)
	for _, other := range []string{base, base + "/org/", base + "/org/o2", base + "/org/o1/x", base + "/org/o1?x"} {
		_, _, err := a.Exchange(t.Context(), issuer.Token(jwt.MapClaims(claims), forUs, jwt.MapClaims{"iss": other}), "left", anyMay)
		require.ErrorIs(t, err, errNoTrust, other)
	}
}
