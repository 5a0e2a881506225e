package packuments

import (
	"bytes"
	"slices"
)

// kept are the members of a version that the abbreviated form has, as in
// js/abbreviated.js.
var kept = map[string]bool{
	"name": true, "version": true, "deprecated": true, "dependencies": true, "optionalDependencies": true,
	"devDependencies": true, "bundleDependencies": true, "peerDependencies": true, "peerDependenciesMeta": true,
	"acceptDependencies": true, "bin": true, "directories": true, "dist": true, "engines": true, "funding": true,
	"cpu": true, "os": true, "libc": true, "_hasShrinkwrap": true,
}

// Abbreviate is the native twin of the view abbreviated.
func Abbreviate(doc []byte, emit func(key, value []byte)) error {
	var id, versions, tags, time []byte
	for k, v := range Members(doc) {
		switch {
		case Is(k, "_id"):
			id = v
		case Is(k, "versions"):
			versions = v
		case Is(k, "dist-tags"):
			tags = v
		case Is(k, "time"):
			time = v
		}
	}
	if !isObject(versions) || id == nil {
		return nil
	}
	out := make([]byte, 0, len(doc)/2+256)
	out = append(append(out, `{"name":`...), id...)
	out, numbers := appendVersions(append(out, `,"versions":{`...), versions)
	if len(numbers) == 0 {
		return nil
	}
	out = append(out, '}')
	modified, timed := moments(time, numbers)
	if modified != nil {
		out = append(append(out, `,"modified":`...), modified...)
	}
	if !isObject(tags) {
		tags = []byte("{}")
	}
	out = append(append(out, `,"dist-tags":`...), tags...)
	if timed {
		out = append(append(out, `,"time":`...), time...)
	}
	emit(id, append(out, '}'))
	return nil
}

func isObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }

func isText(raw []byte) bool { return len(raw) > 2 && raw[0] == '"' }

// appendVersions appends the abbreviated versions and returns their numbers, raw.
func appendVersions(out, versions []byte) ([]byte, [][]byte) {
	var numbers [][]byte
	for number, manifest := range Members(versions) {
		if !isObject(manifest) || Is(number, "__proto__") {
			continue // assigning __proto__ sets no member in JavaScript
		}
		if len(numbers) > 0 {
			out = append(out, ',')
		}
		out = append(append(out, number...), ':')
		out = appendManifest(out, manifest)
		numbers = append(numbers, number)
	}
	return out, numbers
}

func appendManifest(out, manifest []byte) []byte {
	var bundle, bundled []byte
	installs := false
	start := len(out)
	out = append(out, '{')
	add := func(name, value []byte) {
		if len(out) > start+1 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	for name, value := range Members(manifest) {
		if len(name) < 2 {
			continue
		}
		plain := name[1 : len(name)-1]
		if kept[string(plain)] || bytes.IndexByte(plain, '\\') >= 0 && kept[Text(name)] { // the first makes no string
			add(name, value)
		}
		switch {
		case Is(name, "bundleDependencies"):
			bundle = value
		case Is(name, "bundledDependencies"):
			bundled = value
		case Is(name, "hasInstallScript"):
			installs = installs || string(value) == "true"
		case Is(name, "scripts"):
			installs = installs || runsOnInstall(value)
		}
	}
	if bundle == nil && bundled != nil {
		add([]byte(`"bundleDependencies"`), bundled)
	}
	if installs {
		add([]byte(`"hasInstallScript"`), []byte("true"))
	}
	return append(out, '}')
}

// runsOnInstall reports whether scripts hold one that installing runs.
func runsOnInstall(scripts []byte) bool {
	for name, value := range Members(scripts) {
		if isText(value) && (Is(name, "preinstall") || Is(name, "install") || Is(name, "postinstall")) {
			return true
		}
	}
	return false
}

// moments finds time.modified and whether time knows every version.
func moments(time []byte, numbers [][]byte) (modified []byte, timed bool) {
	known := make(map[string]bool, len(numbers))
	for name, value := range Members(time) {
		if len(value) == 0 || value[0] != '"' {
			continue
		}
		if Is(name, "modified") {
			modified = value
		}
		known[Text(name)] = true
	}
	unknown := slices.ContainsFunc(numbers, func(n []byte) bool { return !known[Text(n)] })
	return modified, isObject(time) && !unknown
}
