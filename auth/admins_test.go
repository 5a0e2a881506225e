package auth

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

// Server admins come and go with [admins], at once, in every form that CouchDB wrote.
func TestConfiguredAdmins(t *testing.T) {
	ctx, conf := context.Background(), newSettings()
	client := engine.Open(t).Client
	o := testOptions(newClock())
	o.Settings = conf
	a := openAuth(t, client, o)

	for form, value := range map[string]string{
		"sha256":  "-pbkdf2:sha256-55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc,salt,1",
		"sha1":    "-pbkdf2-4B007901B765489ABEAD49D926F721D065A429C1,salt,4096",
		"sha":     "-pbkdf2:sha-4b007901b765489abead49d926f721d065a429c1,salt,4096",
		"hashed":  "-hashed-1f8ac10f23c5b5bc1167bda84b833e5c057a77d2,def",
		"unknown": "-pbkdf2:md5-00,salt,1",
		"clear":   "abc",
		"empty":   "",
	} {
		t.Run(form, func(t *testing.T) {
			password := map[string]string{"sha256": "passwd", "sha1": "password", "sha": "password", "hashed": "abc", "clear": "abc"}[form]
			good := password != "" && form != "clear"
			_, err := a.Login(ctx, form, password)
			require.ErrorIs(t, err, ErrCredentials, "before")
			conf.set("admins/"+form, value)
			for range 2 {
				id, err := a.Login(ctx, form, password)
				if !good {
					require.ErrorIs(t, err, ErrCredentials)
					return
				}
				require.NoError(t, err)
				require.True(t, id.Admin())
				_, err = a.Login(ctx, form, password+"x")
				require.ErrorIs(t, err, ErrCredentials)
			}
			r := request("Cookie", "AuthSession="+sessionOf(a, Identity{Name: form}))
			id, err := a.Authenticate(r)
			require.NoError(t, err)
			require.True(t, id.Admin())
			conf.unset("admins", form)
			_, err = a.Login(ctx, form, password)
			require.ErrorIs(t, err, ErrCredentials, "after")
			id, err = a.Authenticate(r)
			require.NoError(t, err)
			require.True(t, id.Anonymous())
		})
	}
}

// The document of a configured admin's name adds its roles; its password does not count.
func TestConfiguredAdminWithDocument(t *testing.T) {
	ctx, conf := context.Background(), newSettings()
	client := engine.Open(t).Client
	o := testOptions(newClock())
	o.Settings = conf
	a := openAuth(t, client, o)
	doc, err := a.HashPassword(ctx, json.RawMessage(`{"_id":"org.couchdb.user:jan","name":"jan","type":"user","roles":["foo","_admin"],"password":"of the document"}`))
	require.NoError(t, err)
	_, err = client.DB("_users").Put(ctx, "org.couchdb.user:jan", doc)
	require.NoError(t, err)
	hash, err := a.HashAdminPassword(ctx, "of the section")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(hash, "-pbkdf2:sha256-"), hash)
	again, err := a.HashAdminPassword(ctx, hash)
	require.NoError(t, err)
	require.Equal(t, hash, again)
	conf.set("admins/jan", hash, "admins/root", hash)

	id, err := a.Login(ctx, "jan", "of the section")
	require.NoError(t, err)
	require.Equal(t, []string{"_admin", "foo"}, id.Roles)
	_, err = a.Login(ctx, "jan", "of the document")
	require.ErrorIs(t, err, ErrCredentials)
	_, err = a.Login(ctx, "root", "of the section")
	require.ErrorIs(t, err, ErrCredentials, "the admin of the options stands before [admins]")
	_, err = a.Login(ctx, "root", "toor toor")
	require.NoError(t, err)

	conf.unset("admins", "jan")
	id, err = a.Login(ctx, "jan", "of the document")
	require.NoError(t, err)
	require.Equal(t, []string{"foo"}, id.Roles)
	_, err = a.Login(ctx, "jan", "of the section")
	require.ErrorIs(t, err, ErrCredentials)
}

// How passwords are hashed follows [chttpd_auth].
func TestPasswordPolicy(t *testing.T) {
	ctx, conf := context.Background(), newSettings()
	client := engine.Open(t).Client
	o := testOptions(newClock())
	o.Settings = conf
	a := openAuth(t, client, o)
	hashed := func() object {
		doc, err := a.HashPassword(ctx, json.RawMessage(`{"password":"abc"}`))
		require.NoError(t, err)
		got, err := parseObject(doc)
		require.NoError(t, err)
		right, err := parseCredentials(got).verify("abc")
		require.NoError(t, err)
		require.True(t, right)
		return got
	}
	conf.set("chttpd_auth/iterations", "3", "chttpd_auth/pbkdf2_prf", "sha512")
	got := hashed()
	require.Equal(t, "sha512", got.text("pbkdf2_prf"))
	require.Len(t, got.text("derived_key"), 128)
	require.Equal(t, 3, parseCredentials(got).iterations)
	conf.set("chttpd_auth/password_scheme", "simple")
	got = hashed()
	require.Equal(t, "simple", got.text("password_scheme"))
	require.Len(t, got.text("password_sha"), 40)
	require.False(t, got.has("derived_key"))
	hash, err := a.HashAdminPassword(ctx, "abc")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(hash, "-hashed-"))
	for key, value := range map[string]string{"password_scheme": "rot13", "pbkdf2_prf": "md5"} {
		conf.set("chttpd_auth/password_scheme", "pbkdf2", "chttpd_auth/"+key, value)
		_, err = a.HashPassword(ctx, json.RawMessage(`{"password":"abc"}`))
		require.ErrorIs(t, err, errCannotHash)
		_, err = a.HashAdminPassword(ctx, "abc")
		require.ErrorIs(t, err, errCannotHash)
	}
	require.ErrorIs(t, a.SetPassword(ctx, "root", "correct horse"), errCannotHash)

	conf.set("chttpd_auth/pbkdf2_prf", "sha256", "chttpd_auth/min_iterations", "5", "chttpd_auth/max_iterations", "8")
	for rounds, reason := range map[string]string{"4": "Iteration count is too low for this server", "9": "Iteration count is too high for this server"} {
		conf.set("admins/eve", "-pbkdf2-00,salt,"+rounds)
		_, err = a.Login(ctx, "eve", "abc")
		require.Equal(t, forbidden(reason), err)
	}
}

// Renewing a hash keeps the salt, and so the sessions; it can be forbidden.
func TestRenewedHashKeepsSessions(t *testing.T) {
	ctx, conf := context.Background(), newSettings()
	client := engine.Open(t).Client
	o := testOptions(newClock())
	o.Settings = conf
	a := openAuth(t, client, o)
	ada, err := a.Signup(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	cookie := request("Cookie", "AuthSession="+sessionOf(a, ada))
	conf.set("chttpd_auth/iterations", "20", "chttpd_auth/upgrade_hash_on_auth", "false")
	fresh := openAuth(t, client, o)
	_, err = fresh.Login(ctx, "ada", "correct horse")
	require.NoError(t, err)
	who, err := fresh.account(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, 10, who.iterations)

	conf.set("chttpd_auth/upgrade_hash_on_auth", "true")
	fresh = openAuth(t, client, o)
	_, err = fresh.Login(ctx, "ada", "correct horse")
	require.NoError(t, err)
	who, err = fresh.account(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, 20, who.iterations)
	id, err := fresh.Authenticate(cookie)
	require.NoError(t, err)
	require.Equal(t, "ada", id.Name)
}
