package auth

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPasswordRules(t *testing.T) {
	client, _ := openMemory(t)
	a, err := Open(context.Background(), client, Options{})
	require.NoError(t, err)
	defer a.Close()
	short, long, named, guessed := "at least 8 characters", "at most 256 bytes", "must not contain the user name", "guessed first"
	for password, reason := range map[string]string{
		"": short, "1234567": short, "ümlaut!": short,
		strings.Repeat("x7 Qz", 52): long,
		"adalovelace7":              named, "ecalevolada##": named, "my-AdaLovelace": named,
		"password": guessed, "Password1": guessed, "PASSWORD123!": guessed, "p@ssw0rd2024": guessed, "passwordpassword": guessed, "123password": guessed,
		"Dragon1987": guessed, "sunsh1ne!": guessed, "l3tmein!!": guessed, "qwertyuiop": guessed, "1q2w3e4r5t": guessed, "zaq12wsx": guessed, "asdfghjkl;": guessed,
		"12345678": guessed, "87654321": guessed, "abcdefgh": guessed, "aaaaaaaa": guessed, "abababab": guessed, "24121985": guessed, "1985-12-24": guessed,
		"administrator": guessed, "Admin123456789": guessed, "azertyuiop": guessed, "qwertzuiop": guessed, "iloveyou2": guessed, "settee2026": guessed, "correcthorsebatterystaple": guessed,
		"correct horse": "", "battery staple": "", "toor toor tree": "", "Tr0ub4dor&3": "", "x7#kLm2$pQ": "", "ördög ñandú": "", "left-hand door": "",
		"four words of mine": "", "9f86d081884c7d65": "", "mK8vTq2z": "", "31415926535897": "",
	} {
		err := a.checkPassword("adalovelace", password)
		if reason == "" {
			require.NoError(t, err, "%q", password)
			continue
		}
		require.ErrorContains(t, err, reason, "%q", password)
	}
	require.NoError(t, a.checkPassword("ada", "canada goose"), "a short name stands in many words")
}

func TestCommonWordsAreSortedAndPlain(t *testing.T) {
	last := ""
	for word := range strings.FieldsSeq(commonWords) {
		require.Less(t, last, word)
		require.Equal(t, strings.ToLower(word), word)
		last = word
	}
	require.Greater(t, len(wordSet()), 1000)
}

// A thousand words, as they are and with the endings that attackers try: all are refused.
func TestTenThousandCommonPasswords(t *testing.T) {
	n := 0
	for word := range wordSet() {
		for _, form := range []string{"%s1", "%s12", "%s123", "%s1234", "%s!", "%s2024", "%s1999", "1%s", "%s01!", "%s.", "%[1]s%[1]s"} {
			require.True(t, common(fmt.Sprintf(form, word)), form, word)
			n++
		}
	}
	require.Greater(t, n, 10_000)
}

func TestPasswordRegexp(t *testing.T) {
	set := newSettings()
	client, _ := openMemory(t)
	ctx := context.Background()
	a, err := Open(ctx, client, Options{Settings: set, Iterations: 1})
	require.NoError(t, err)
	defer a.Close()
	const broken = notConforming
	for _, test := range []struct{ spec, password, refused string }{
		{"", "x", ""}, {"[]", "x", ""},
		{`[{".{10,}", "At least ten."}, "\\d+"]`, "short", broken + " At least ten."},
		{`[{".{10,}", "At least ten."}, "\\d+"]`, "long enough", broken},
		{`[{".{10,}", "At least ten."}, "\\d+"]`, "long enough 1", ""},
		{` [ { "^[a-z]+$" } ] `, "Abc", broken}, {` [ { "^[a-z]+$" } ]. `, "abc", ""},
		{`["("]`, "x", broken}, {`["(?=.*[0-9])(?=.*[a-z])"]`, "a1", ""}, {`["(?=.*[0-9])(?=.*[a-z])"]`, "a", broken},
		{`["(a+)+$"]`, strings.Repeat("a", 60) + "!", broken},
		{`no list`, "x", errCannotHash.Reason}, {`["a"`, "x", errCannotHash.Reason}, {`[{"a", "b"]`, "x", errCannotHash.Reason}, {`["a" "b"]`, "x", errCannotHash.Reason},
		{`["a"] x`, "x", errCannotHash.Reason}, {`["a`, "x", errCannotHash.Reason}, {`[a]`, "x", errCannotHash.Reason},
	} {
		set.set("chttpd_auth/password_regexp", test.spec)
		_, err := a.HashPassword(ctx, []byte(fmt.Sprintf(`{"password":%q}`, test.password)))
		if test.refused == "" {
			require.NoError(t, err, "%+v", test)
			continue
		}
		var refusal *Error
		require.ErrorAs(t, err, &refusal, "%+v", test)
		require.Equal(t, test.refused, refusal.Reason, "%+v", test)
	}
	set.set("chttpd_auth/password_regexp", `[{".{20,}", "At least twenty."}]`)
	_, err = a.Signup(ctx, "ada", "correct horse", "")
	require.ErrorContains(t, err, "At least twenty.", "npm's accounts keep the rule too")
}

func FuzzPasswordRules(f *testing.F) {
	for _, seed := range []string{`[{".{10,}", "Ten."}, "\\d+"]`, `["a"]`, `[]`, `[{"a"}].`, `["\"]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		rules, ok := parseRules(spec)
		if !ok {
			return
		}
		var b strings.Builder // what was read reads the same when it is written
		for i, r := range rules {
			if i > 0 {
				b.WriteByte(',')
			}
			quoted := func(s string) string {
				return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
			}
			fmt.Fprintf(&b, "{%s,%s}", quoted(r.expression), quoted(r.reason))
		}
		again, ok := parseRules("[" + b.String() + "]")
		require.True(t, ok)
		require.Equal(t, rules, again)
	})
}

func BenchmarkCommonPassword(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		common("left-hand door of the house")
	}
}
