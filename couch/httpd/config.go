package httpd

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"settee/couch"
)

// nodeName is this node's, in CouchDB's form. There is one node.
const nodeName = "settee@127.0.0.1"

// adminsSection holds the server admins: their names and hashed passwords.
const adminsSection = "admins"

var (
	errUnknownSetting   = &couch.Error{Kind: couch.NotFound, Reason: "unknown_config_value"}
	errSettingString    = badRequest("a JSON string expected")
	errForbiddenSection = &couch.Error{Kind: couch.Forbidden, Reason: "Config section blacklisted for modification over HTTP API."}
	errEmptyPassword    = badRequest("A server admin needs a password.")
	errNoNodePath       = badRequest("Incomplete path to _node request")
)

// node refuses a path that names another node.
func (c *call) node() error {
	name, err := c.segment("node")
	if err == nil && name != "_local" && name != nodeName {
		err = &couch.Error{Kind: couch.NotFound, Reason: "no such node: " + name}
	}
	return err
}

// ofNode makes a handler of this node's paths.
func ofNode(handle func(*call) error) func(*call) error {
	return func(c *call) error {
		if err := c.node(); err != nil {
			return err
		}
		return handle(c)
	}
}

func (c *call) noNodePath() error { return errNoNodePath }

func (c *call) missing() error { return couch.ErrMissing }

func (c *call) nodeItself() error {
	c.send(http.StatusOK, []byte(`{"name":"`+nodeName+"\"}\n"))
	return nil
}

// settings are all values: the defaults and, over them, what was set.
func (s *Server) settings() couch.Settings {
	all := couch.Settings{}
	for _, some := range []couch.Settings{s.defaults, s.store.Settings()} {
		for section, keys := range some {
			if all[section] == nil {
				all[section] = map[string]string{}
			}
			maps.Copy(all[section], keys)
		}
	}
	return all
}

// config is GET _config.
func (c *call) config() error {
	all := c.s.settings()
	dst := append(c.out[:0], '{')
	for i, section := range slices.Sorted(maps.Keys(all)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, section), ':')
		dst = appendSection(dst, all[section])
	}
	c.out = append(dst, "}\n"...)
	c.send(http.StatusOK, c.out)
	return nil
}

func appendSection(dst []byte, keys map[string]string) []byte {
	dst = append(dst, '{')
	for i, key := range slices.Sorted(maps.Keys(keys)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, key), ':')
		dst = appendString(dst, keys[key])
	}
	return append(dst, '}')
}

// configSection is GET _config/{section}; of one that nobody knows it is empty.
func (c *call) configSection() error {
	section, err := c.segment("section")
	if err != nil {
		return err
	}
	c.out = append(appendSection(c.out[:0], c.s.settings()[section]), '\n')
	c.send(http.StatusOK, c.out)
	return nil
}

// configName is the section and the key that the path names.
func (c *call) configName() (section, key string, err error) {
	if section, err = c.segment("section"); err == nil {
		key, err = c.segment("key")
	}
	return section, key, err
}

// configValue is GET _config/{section}/{key}.
func (c *call) configValue() error {
	section, key, err := c.configName()
	if err != nil {
		return err
	}
	value, found := c.s.value(section, key)
	if !found {
		return errUnknownSetting
	}
	return c.sendText(value)
}

// value is what was set under exactly this name, else its default.
func (s *Server) value(section, key string) (value string, found bool) {
	if value, found = s.store.Setting(section, key); !found {
		value, found = s.defaults[section][key]
	}
	return value, found
}

// sendText answers with one JSON string.
func (c *call) sendText(value string) error {
	c.out = append(appendString(c.out[:0], value), '\n')
	c.send(http.StatusOK, c.out)
	return nil
}

// setConfig is PUT _config/{section}/{key}: it answers with the value before.
func (c *call) setConfig() error {
	section, key, err := c.writableConfig()
	if err != nil {
		return err
	}
	raw, err := c.body()
	if err != nil {
		return err
	}
	if first(raw) != '"' {
		if decode(raw, new(any)) != nil {
			return errJSON
		}
		return errSettingString
	}
	value, err := text(raw)
	if err != nil {
		return errJSON
	}
	if value = strings.TrimSpace(value); section == adminsSection {
		if value, err = c.hashedAdmin(value); err != nil {
			return err
		}
	}
	before, _ := c.s.value(section, key)
	if c.persists() {
		_, _, err = c.s.store.SetSetting(section, key, value)
	} else {
		_, _, err = c.s.store.TrySetting(section, key, value)
	}
	if err != nil {
		return err
	}
	c.tellSetting("setting changed", section, key)
	return c.sendText(before)
}

// hashedAdmin is what is kept of a server admin's password.
func (c *call) hashedAdmin(password string) (string, error) {
	if password == "" {
		return "", errEmptyPassword
	}
	return c.s.auth.HashAdminPassword(c.ctx(), password)
}

// deleteConfig is DELETE _config/{section}/{key}: the default holds again.
func (c *call) deleteConfig() error {
	section, key, err := c.writableConfig()
	if err != nil {
		return err
	}
	before, found := c.s.value(section, key)
	if !found {
		return errUnknownSetting
	}
	if c.persists() {
		_, _, err = c.s.store.DeleteSetting(section, key)
	} else {
		_, _, err = c.s.store.TryDeletingSetting(section, key)
	}
	if err != nil {
		return err
	}
	c.tellSetting("setting deleted", section, key)
	return c.sendText(before)
}

// persists reports whether a change is to outlive the server.
func (c *call) persists() bool { return c.r.Header.Get("X-Couch-Persist") != "false" }

// tellSetting logs a change, but not the value: it may be a secret.
func (c *call) tellSetting(what, section, key string) {
	c.s.o.Logger.Info(what, "section", section, "key", key, "by", c.user.Name)
}

func (c *call) writableConfig() (section, key string, err error) {
	if section, key, err = c.configName(); err != nil {
		return "", "", err
	}
	if slices.Contains(forbiddenSections, section) {
		return "", "", errForbiddenSection
	}
	for _, k := range knownSettings {
		if k.Section == section && k.Key == key && k.Effect == readOnly {
			return "", "", &couch.Error{Kind: couch.Forbidden, Reason: "The setting " + section + "/" + key + " cannot be changed: " + k.What + "."}
		}
	}
	return section, key, nil
}

// reloadConfig is POST _config/_reload: what was set only for now ends.
func (c *call) reloadConfig() error {
	if err := c.s.store.ReloadSettings(); err != nil {
		return err
	}
	return c.ok(http.StatusOK)
}
