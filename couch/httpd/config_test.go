package httpd_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/couch/httpd"
)

const config = "/_node/_local/_config/"

// set puts a setting, as the admin.
func set(t testing.TB, h *house, name, value string) string {
	t.Helper()
	status, _, body := do(t, h.base, "", "PUT", config+name, "", `"`+value+`"`)
	require.Equal(t, 200, status, body)
	return body
}

func TestConfigDefaults(t *testing.T) {
	h := start(t, httpd.Options{MaxAttachment: 77, Configured: couch.Settings{"chttpd": {"port": "1234"}}})
	for name, want := range map[string]string{
		"chttpd/port": "1234", "couchdb/max_attachment_size": "77", "couchdb/max_document_size": "8000000",
		"uuids/algorithm": "sequential", "chttpd/max_http_request_size": "4294967296",
	} {
		_, _, body := do(t, h.base, "", "GET", config+name, "", "")
		require.Equal(t, `"`+want+"\"\n", body, name)
		require.Equal(t, `"`+want+"\"\n", set(t, h, name, "5"), name)
		_, _, body = do(t, h.base, "", "GET", config+name, "", "")
		require.Equal(t, "\"5\"\n", body, name)
		status, _, body := do(t, h.base, "", "DELETE", config+name, "", "")
		require.Equal(t, 200, status)
		require.Equal(t, "\"5\"\n", body, name)
		_, _, body = do(t, h.base, "", "GET", config+name, "", "")
		require.Equal(t, `"`+want+"\"\n", body, name)
	}
	for _, name := range []string{"couchdb/uuid", "couchdb/database_dir", "vendor/name"} {
		status, _, body := do(t, h.base, "", "PUT", config+name, "", `"x"`)
		require.Equal(t, 403, status, body)
	}
}

// A password in clear is never kept, and its owner signs in at once.
func TestConfigAdmins(t *testing.T) {
	h := start(t, httpd.Options{})
	status, _, _ := do(t, h.base, "bob:s3cret", "GET", "/_all_dbs", "", "")
	require.Equal(t, 401, status)
	require.Equal(t, "\"\"\n", set(t, h, "admins/bob", "s3cret"))
	_, _, kept := do(t, h.base, "", "GET", config+"admins/bob", "", "")
	require.Regexp(t, `^"-pbkdf2:sha256-[0-9a-f]{64},[0-9a-f]{32},10"\n$`, kept)
	status, _, _ = do(t, h.base, "bob:s3cret", "GET", "/_all_dbs", "", "")
	require.Equal(t, 200, status)

	hash := strings.Trim(kept, "\"\n")
	set(t, h, "admins/eve", hash)
	_, _, same := do(t, h.base, "", "GET", config+"admins/eve", "", "")
	require.Equal(t, kept, same, "what is hashed already is kept")
	status, _, _ = do(t, h.base, "eve:s3cret", "GET", "/_all_dbs", "", "")
	require.Equal(t, 200, status)

	status, _, _ = do(t, h.base, "", "PUT", config+"admins/mallory", "", `" "`)
	require.Equal(t, 400, status)
	status, _, _ = do(t, h.base, "", "DELETE", config+"admins/bob", "", "")
	require.Equal(t, 200, status)
	status, _, _ = do(t, h.base, "bob:s3cret", "GET", "/_all_dbs", "", "")
	require.Equal(t, 401, status)
}

func TestConfigLogLevel(t *testing.T) {
	var level slog.LevelVar
	level.Set(slog.LevelWarn)
	h := start(t, httpd.Options{LogLevel: &level})
	require.Equal(t, slog.LevelWarn, level.Level())
	for word, want := range map[string]slog.Level{"debug": slog.LevelDebug, "notice": slog.LevelInfo, "crit": slog.LevelError, "junk": slog.LevelWarn} {
		set(t, h, "log/level", word)
		require.Equal(t, want, level.Level(), word)
	}
	set(t, h, "log/level", "debug")
	status, _, _ := do(t, h.base, "", "DELETE", config+"log/level", "", "")
	require.Equal(t, 200, status)
	require.Equal(t, slog.LevelWarn, level.Level(), "the command line's again")
}

func TestDefaultSecurity(t *testing.T) {
	h := start(t, httpd.Options{})
	set(t, h, "couchdb/default_security", "everyone")
	status, _, _ := do(t, h.base, "", "PUT", "/open", "", "")
	require.Equal(t, 201, status)
	status, _, _ = do(t, h.base, "-", "PUT", "/open/doc", "", "{}")
	require.Equal(t, 201, status)
	set(t, h, "couchdb/default_security", "admin_only")
	status, _, _ = do(t, h.base, "", "PUT", "/closed", "", "")
	require.Equal(t, 201, status)
	status, _, _ = do(t, h.base, "-", "GET", "/closed", "", "")
	require.Equal(t, 401, status)
}

// Every setting that is known is told apart, so that none hides another.
func TestKnownSettings(t *testing.T) {
	lines := httpd.KnownSettings()
	require.Greater(t, len(lines), 40)
	seen := map[string]bool{}
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "\t")
		require.False(t, seen[name], name)
		seen[name] = true
		require.Len(t, strings.Split(line, "\t"), 4, line)
	}
}
