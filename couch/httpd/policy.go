package httpd

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"settee/couch"
)

// A policy is what the settings say, read once a change: a request takes the
// one that holds when it begins and looks nothing up.
type policy struct {
	maxBody       int64 // of JSON, in memory
	maxRequest    int64 // of any body
	maxAttachment int64
	maxURI        int // 0: any
	maxUUIDs      int
	maxInfos      int // keys of _dbs_info
	maxPurgeDocs  int
	maxPurgeRevs  int // of all of them

	changesTimeout time.Duration
	requireUser    bool // of all but /_up
	requireUserUp  bool // of /_up
	openDBList     bool // _all_dbs and _dbs_info are for anyone
	everyone       bool // new databases are open
	maintenance    string
	authenticate   string // the header of every 401
	redirect       string // where browsers without credentials go

	minimal   []string // canonical names of the headers that Prefer: return=minimal leaves
	forwarded forwarded
	server    []string
	frame     []string   // the X-Frame-Options header; nil: none
	cors      *corsRules // nil: off
}

// forwarded are the canonical names of the headers that a proxy sets.
type forwarded struct{ host, proto, ssl string }

// setting is a value: what was set, in its own section or the older one, else the default.
func (s *Server) setting(section, key string) (value string, found bool) {
	for _, in := range []string{section, legacy[section]} {
		if value, found = s.store.Setting(in, key); found {
			return value, true
		}
	}
	value, found = s.defaults[section][key]
	return value, found
}

func (s *Server) text(section, key string) string {
	v, _ := s.setting(section, key)
	return v
}

// number is a setting that counts; what is none, or below 1, is the fallback, as in CouchDB.
func (s *Server) number(section, key string, fallback int64) int64 {
	if n, err := strconv.ParseInt(s.text(section, key), 10, 64); err == nil && n > 0 {
		return n
	}
	return fallback
}

func (s *Server) flag(section, key string) bool { return s.text(section, key) == "true" }

// list splits a setting at its commas.
func (s *Server) list(section, key string) []string { return splitList(s.text(section, key)) }

func splitList(value string) []string {
	var all []string
	for one := range strings.SplitSeq(value, ",") {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	return all
}

// defaultsOf are what is shown and followed where nothing is set.
func (s *Server) defaultsOf() couch.Settings {
	all := couch.Settings{}
	put := func(section, key, value string) {
		if value == "" {
			return
		}
		if all[section] == nil {
			all[section] = map[string]string{}
		}
		all[section][key] = value
	}
	for _, k := range knownSettings {
		put(k.Section, k.Key, k.Default)
	}
	put("couchdb", "max_attachment_size", strconv.FormatInt(s.o.MaxAttachment, 10))
	put("couchdb", "max_document_size", strconv.FormatInt(s.store.MaxDocumentSize(), 10))
	put("couchdb", "uuid", s.store.UUID())
	put("vendor", "version", s.o.Version)
	for section, keys := range s.o.Configured {
		for key, value := range keys {
			put(section, key, value)
		}
	}
	return all
}

// readSettings makes the policy of the settings as they are now.
func (s *Server) readSettings(string) {
	p := &policy{
		maxRequest: s.number("chttpd", "max_http_request_size", defaultMaxRequest), maxBody: s.o.MaxBody,
		maxAttachment:  s.number("couchdb", "max_attachment_size", s.o.MaxAttachment),
		maxURI:         int(s.number("chttpd", "max_uri_length", 0)),
		maxUUIDs:       int(s.number("uuids", "max_count", 1000)),
		maxInfos:       int(s.number("chttpd", "max_db_number_for_dbs_info_req", 100)),
		maxPurgeDocs:   int(s.number("purge", "max_document_id_number", 100)),
		maxPurgeRevs:   int(s.number("purge", "max_revisions_number", 1000)),
		changesTimeout: time.Duration(s.number("chttpd", "changes_timeout", changesTimeout.Milliseconds())) * time.Millisecond,
		openDBList:     s.text("chttpd", "admin_only_all_dbs") == "false",
		everyone:       s.text("couchdb", "default_security") == "everyone",
		maintenance:    s.text("couchdb", "maintenance_mode"),
		authenticate:   s.text("chttpd", "WWW-Authenticate"),
		redirect:       s.text("chttpd_auth", "authentication_redirect"),
		forwarded:      forwarded{s.header("x_forwarded_host"), s.header("x_forwarded_proto"), s.header("x_forwarded_ssl")},
		server:         s.server,
		cors:           s.readCORS(),
	}
	valid, exceptUp := s.flag("chttpd", "require_valid_user"), s.flag("chttpd", "require_valid_user_except_for_up")
	p.requireUser, p.requireUserUp = valid || exceptUp, valid && !exceptUp
	if n, set := s.setting("chttpd", "max_http_request_size"); set && n != s.defaults["chttpd"]["max_http_request_size"] {
		p.maxBody = p.maxRequest
	}
	switch {
	case !s.flag("chttpd", "enable_xframe_options"):
	case s.flag("x_frame_options", "same_origin"):
		p.frame = []string{"SAMEORIGIN"}
	default:
		p.frame = []string{"DENY"}
	}
	if s.text("chttpd", "server_header_versions") == "false" {
		p.server = []string{"CouchDB"}
	}
	for _, name := range s.list("chttpd", "prefer_minimal") {
		p.minimal = append(p.minimal, canonical(name))
	}
	s.policy.Store(p)
	s.readLogLevel()
}

func (s *Server) header(key string) string { return canonical(s.text("chttpd", key)) }

// logLevels are CouchDB's, on slog's scale.
var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "notice": slog.LevelInfo,
	"warning": slog.LevelWarn, "warn": slog.LevelWarn, "error": slog.LevelError, "err": slog.LevelError,
	"critical": slog.LevelError, "crit": slog.LevelError, "alert": slog.LevelError,
	"emergency": slog.LevelError, "emerg": slog.LevelError, "none": slog.LevelError + 100,
}

// readLogLevel sets the logger's level, or gives it back as it was.
func (s *Server) readLogLevel() {
	if s.o.LogLevel == nil {
		return
	}
	level, known := logLevels[s.text("log", "level")]
	if !known {
		level = s.logLevel
	}
	s.o.LogLevel.Set(level)
}
