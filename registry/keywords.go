package registry

import (
	"bytes"
	"slices"
	"strings"
)

// keywords are a list of texts, or one text with commas, as old manifests have them.
func keywords(raw []byte) (list []string) {
	if text := plain(raw); text != "" {
		list = strings.Split(text, ",")
	} else {
		list = texts(raw)
	}
	words := []string{}
	for _, word := range list {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}

// spelt is the manifest with keywords as a list. npm makes one of them before it publishes; yarn 4 and bun send what the author wrote,
// and npm view fails on a text.
func spelt(manifest object) object {
	raw := manifest.of("keywords")
	if plain(raw) == "" {
		return manifest
	}
	var list [][]byte
	for _, word := range keywords(raw) {
		list = append(list, quote(word))
	}
	return manifest.with("keywords", slices.Concat([]byte{'['}, bytes.Join(list, []byte{','}), []byte{']'}))
}
