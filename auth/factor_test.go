package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"settee/fixtures"
	"settee/fixtures/engine"

	"github.com/go-kivik/kivik/v4"
	"github.com/pquerna/otp"
	authenticator "github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"
)

// guardedAccount is an account with a second factor, and its authenticator.
type guardedAccount struct {
	*Auth
	t        testing.TB
	client   *kivik.Client
	now      *fixtures.Clock
	token    string // a classic one
	key      string
	recovery []string
}

func openFactor(t testing.TB, mode Mode) *guardedAccount {
	ctx := context.Background()
	g := &guardedAccount{t: t, now: newClock(), client: engine.Open(t).Client}
	g.Auth = openAuth(t, g.client, testOptions(g.now))
	_, err := g.Signup(ctx, "ada", "correct horse", "ada@example.com")
	require.NoError(t, err)
	g.token, err = g.IssueToken(ctx, "ada", Token{})
	require.NoError(t, err)
	g.enrol(mode)
	return g
}

func (g *guardedAccount) enrol(mode Mode) {
	ctx := context.Background()
	url, err := g.EnrolTOTP(ctx, "ada", mode, "npm.example.com")
	require.NoError(g.t, err)
	key, err := otp.NewKeyFromURL(url)
	require.NoError(g.t, err)
	g.key = key.Secret()
	g.recovery, err = g.ConfirmTOTP(ctx, "ada", g.code())
	require.NoError(g.t, err)
	g.next()
}

// next waits until the authenticator shows another code.
func (g *guardedAccount) next() { g.now.Pass(totpStep * time.Second) }

func (g *guardedAccount) code() string {
	code, err := authenticator.GenerateCode(g.key, g.now.Now())
	require.NoError(g.t, err)
	return code
}

// wrongCode is one that no step near has.
func (g *guardedAccount) wrongCode() string {
	for i := 0; ; i++ {
		code := fmt.Sprintf("%06d", i)
		if _, right := matchCode(g.key, code, g.now.Now()); !right {
			return code
		}
	}
}

func withOTP(r *http.Request, code ...string) *http.Request {
	r.Header[otpHeader] = code
	return r
}

func TestEnrolment(t *testing.T) {
	ctx, now := context.Background(), newClock()
	a := openAuth(t, engine.Open(t).Client, testOptions(now))
	_, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	require.ErrorIs(t, a.SetMode(ctx, "ada", AuthOnly), errNoFactor)
	require.NoError(t, a.DisableFactor(ctx, "ada"), "nothing to disable")
	_, err = a.ConfirmTOTP(ctx, "ada", "123456")
	require.ErrorIs(t, err, errNotPending)
	_, err = a.EnrolTOTP(ctx, "ada", "sometimes", "x")
	require.ErrorIs(t, err, errMode)
	for _, name := range []string{"root", "_ada"} {
		_, err = a.EnrolTOTP(ctx, name, AuthOnly, "x")
		require.Error(t, err, name)
	}
	_, err = a.EnrolTOTP(ctx, "eve", AuthOnly, "x")
	require.ErrorIs(t, err, errNoUser)

	url, err := a.EnrolTOTP(ctx, "ada", AuthOnly, "npm.example.com:8080")
	require.NoError(t, err)
	key, err := otp.NewKeyFromURL(url)
	require.NoError(t, err)
	require.Equal(t, "npm.example.com 8080", key.Issuer())
	require.Equal(t, "ada", key.AccountName())
	f, err := a.Factor(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, Factor{Mode: AuthOnly, Pending: true}, f)
	_, err = a.SignIn(request(), "ada", "correct horse", "")
	require.NoError(t, err, "what is pending is not asked for")

	_, err = a.ConfirmTOTP(ctx, "ada", "")
	require.ErrorIs(t, err, errWrongCode)
	code, err := authenticator.GenerateCode(key.Secret(), now.Now())
	require.NoError(t, err)
	recovery, err := a.ConfirmTOTP(ctx, "ada", code[:3]+" "+code[3:])
	require.NoError(t, err)
	require.Len(t, recovery, 5)
	for _, r := range recovery {
		require.Regexp(t, "^[0-9a-f]{64}$", r)
	}
	f, err = a.Factor(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, Factor{Mode: AuthOnly, Active: true, TOTP: true, Recovery: 5}, f)
	_, err = a.SignIn(request(), "ada", "correct horse", code)
	require.ErrorIs(t, err, ErrWrongOTP, "the code that confirmed is used up")

	// Another authenticator holds from its confirmation on, and the first until then.
	_, err = a.EnrolTOTP(ctx, "ada", AuthAndWrites, "x")
	require.NoError(t, err)
	f, err = a.Factor(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, Factor{Mode: AuthOnly, Active: true, TOTP: true, Recovery: 5}, f)
	require.NoError(t, a.SetMode(ctx, "ada", AuthAndWrites))
	require.ErrorIs(t, a.SetMode(ctx, "ada", ""), errMode)
	require.NoError(t, a.DisableFactor(ctx, "ada"))
	f, err = a.Factor(ctx, "ada")
	require.NoError(t, err)
	require.Zero(t, f)
	_, err = a.RenewRecovery(ctx, "ada")
	require.ErrorIs(t, err, errNoFactor)
}

// No secret that could be given as a code is in the document but the authenticator's key.
func TestFactorDocument(t *testing.T) {
	g := openFactor(t, AuthAndWrites)
	var doc json.RawMessage
	require.NoError(t, g.client.DB(factorsDB).Get(context.Background(), "ada").ScanDoc(&doc))
	for _, r := range g.recovery {
		require.NotContains(t, string(doc), r)
		require.Contains(t, string(doc), hashRecovery(r))
	}
	require.Contains(t, string(doc), `"mode":"auth-and-writes"`)
}

func TestSignInWithFactor(t *testing.T) {
	for _, mode := range []Mode{AuthOnly, AuthAndWrites} {
		g := openFactor(t, mode)
		signIn := func(password, code string) error {
			id, err := g.SignIn(request(), "ada", password, code)
			require.Equal(t, err == nil, id.Factor)
			return err
		}
		require.ErrorIs(t, signIn("correct horse", ""), ErrOTP)
		require.ErrorIs(t, signIn("wrong", ""), ErrCredentials)
		require.ErrorIs(t, signIn("wrong", g.code()), ErrCredentials)
		require.ErrorIs(t, signIn("correct horse", g.wrongCode()), ErrWrongOTP)
		require.NoError(t, signIn("correct horse", g.code()))
		require.ErrorIs(t, signIn("correct horse", g.code()), ErrWrongOTP, "replayed")
		g.next()
		code := g.code()
		require.NoError(t, signIn("correct horse", " "+code[:3]+" "+code[3:]))
		require.NoError(t, signIn("correct horse", g.recovery[0]))
		require.ErrorIs(t, signIn("correct horse", g.recovery[0]), ErrWrongOTP, "once")
		require.NoError(t, signIn("correct horse", strings.ToUpper(g.recovery[1])))
		_, err := g.Login(context.Background(), "ada", "correct horse")
		require.ErrorIs(t, err, ErrOTP)
		fresh, err := g.RenewRecovery(context.Background(), "ada")
		require.NoError(t, err)
		require.ErrorIs(t, signIn("correct horse", g.recovery[2]), ErrWrongOTP)
		require.NoError(t, signIn("correct horse", fresh[2]))
	}
}

// Codes are taken a step early and a step late, and never one before another that was used.
func TestClocksDiffer(t *testing.T) {
	g := openFactor(t, AuthOnly)
	at := func(d time.Duration) string {
		code, err := authenticator.GenerateCode(g.key, g.now.Now().Add(d))
		require.NoError(t, err)
		return code
	}
	try := func(code string) error {
		_, err := g.SignIn(request(), "ada", "correct horse", code)
		return err
	}
	for range 5 {
		g.next()
	}
	require.ErrorIs(t, try(at(-60*time.Second)), ErrWrongOTP)
	require.ErrorIs(t, try(at(60*time.Second)), ErrWrongOTP)
	require.NoError(t, try(at(-30*time.Second)))
	require.NoError(t, try(at(0)))
	require.NoError(t, try(at(30*time.Second)))
	require.ErrorIs(t, try(at(0)), ErrWrongOTP)
	g.next()
	require.ErrorIs(t, try(at(0)), ErrWrongOTP)
}

// Of many who bring one code at once, one signs in.
func TestCodesAreUsedOnce(t *testing.T) {
	g := openFactor(t, AuthOnly)
	for _, code := range []string{g.code(), g.recovery[0]} {
		var wg sync.WaitGroup
		var in atomic.Int32
		for i := range 8 {
			wg.Go(func() {
				if _, err := g.SignIn(from(fmt.Sprintf("192.0.2.%d", i), request()), "ada", "correct horse", code); err == nil {
					in.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, in.Load())
	}
}

// An account made anew under an old name has no factor; one that cannot be read lets nobody in.
func TestFactorsOfOthers(t *testing.T) {
	ctx := context.Background()
	g := openFactor(t, AuthOnly)
	who, err := g.Account(ctx, "ada")
	require.NoError(t, err)
	_, err = g.client.DB(usersDB).Delete(ctx, userID("ada"), who.Rev)
	require.NoError(t, err)
	g.users.clear()
	g.now.Pass(time.Minute)
	_, err = g.Signup(ctx, "ada", "another horse", "")
	require.NoError(t, err)
	_, err = g.SignIn(request(), "ada", "another horse", "")
	require.NoError(t, err)
	g.enrol(AuthAndWrites)
	_, err = g.SignIn(request(), "ada", "another horse", "")
	require.ErrorIs(t, err, ErrOTP)

	for _, spoilt := range []string{
		`{"mode":7}`, `{"totp":"x"}`, `{"totp":{"key":7}}`, `{"totp":{"key":"ABC"},"mode":"never"}`, `{"recovery":"x"}`, `{"webauthn":{}}`, `{"account_created":1}`,
	} {
		var doc object
		var raw json.RawMessage
		require.NoError(t, g.client.DB(factorsDB).Get(ctx, "ada").ScanDoc(&raw))
		doc, err = parseObject(raw)
		require.NoError(t, err)
		put, err := parseObject([]byte(spoilt))
		require.NoError(t, err)
		put = append(put, textMember("_rev", doc.text("_rev")))
		_, err = g.client.DB(factorsDB).Put(ctx, "ada", put.marshal())
		require.NoError(t, err)
		g.factors.clear()
		_, err = g.SignIn(request(), "ada", "another horse", "")
		require.Error(t, err, spoilt)
	}
}

// Two regions took codes while they were apart: what one used up the other does not take.
func TestFactorConflicts(t *testing.T) {
	ctx := context.Background()
	g := openFactor(t, AuthOnly)
	db := g.client.DB(factorsDB)
	var raw json.RawMessage
	require.NoError(t, db.Get(ctx, "ada", kivik.Param("revs", true)).ScanDoc(&raw))
	doc, err := parseObject(raw)
	require.NoError(t, err)
	var revs struct {
		Start int
		IDs   []string
	}
	require.True(t, doc.scan("_revisions", &revs))
	stored, err := g.readFactor(ctx, "ada")
	require.NoError(t, err)
	used := *stored
	used.rev, used.totp.Last, used.recovery = "", step(g.now.Now()), used.recovery[1:]
	for _, letter := range []string{"0", "f"} { // one of them wins against what was there
		other := string(used.document())
		other = fmt.Sprintf(`{"_id":"ada","_revisions":{"start":%d,"ids":["%s","%s"]},%s`, revs.Start, strings.Repeat(letter, 32), strings.Join(revs.IDs[1:], `","`), other[1:])
		_, err = db.Put(ctx, "ada", json.RawMessage(other), kivik.Param("new_edits", false))
		require.NoError(t, err)
	}
	g.factors.clear()
	_, err = g.SignIn(request(), "ada", "correct horse", g.code())
	require.ErrorIs(t, err, ErrWrongOTP)
	_, err = g.SignIn(request(), "ada", "correct horse", g.recovery[0])
	require.ErrorIs(t, err, ErrWrongOTP)
	g.next()
	_, err = g.SignIn(request(), "ada", "correct horse", g.code())
	require.NoError(t, err)
	f, err := g.readFactor(ctx, "ada")
	require.NoError(t, err)
	require.Empty(t, f.conflicts, "the next write ends the conflict")
	require.Len(t, f.recovery, 4)
}

func FuzzFactor(f *testing.F) {
	f.Add([]byte(`{"_id":"ada","account_created":"x","mode":"auth-only","totp":{"key":"JBSWY3DPEHPK3PXP","last":7,"pending":{"key":"A","mode":"auth-only"}},"recovery":["a"],"webauthn":[{"id":"x","name":"y"}]}`))
	f.Add([]byte(`{"totp":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		doc, err := parseObject(raw)
		if err != nil {
			return
		}
		one, err := parseFactor(doc)
		if err != nil {
			return
		}
		again, err := parseObject(one.document())
		require.NoError(t, err)
		two, err := parseFactor(again)
		require.NoError(t, err)
		one.conflicts = nil
		require.Equal(t, string(one.document()), string(two.document()))
		_, _ = matchCode(one.totp.Key, "123456", time.Unix(1e9, 0))
	})
}
