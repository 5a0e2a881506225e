package httpd

import (
	"crypto/md5"
	"encoding/hex"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// isJSON reports whether a body is declared as JSON.
func isJSON(h http.Header) bool { return mediaType(h) == "application/json" }

// mediaType is the Content-Type without its parameters.
func mediaType(h http.Header) string {
	ct := h.Get("Content-Type")
	if ct == "application/json" {
		return ct
	}
	media, _, _ := mime.ParseMediaType(ct)
	return media
}

// matches reports whether a list of entity tags holds tag, weak or strong. CouchDB knows no star.
func matches(headers []string, tag string) bool {
	for _, h := range headers {
		for one := range strings.SplitSeq(h, ",") {
			one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
			if one == tag {
				return true
			}
		}
	}
	return false
}

// tagOf is the entity tag of an answer that has no revision.
func tagOf(body []byte) string {
	sum := md5.Sum(body)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// accepts reports whether the Accept header admits a media type; an absent one admits all.
func accepts(h http.Header, media string) bool {
	accept := h.Get("Accept")
	if accept == "" {
		return true
	}
	major, _, _ := strings.Cut(media, "/")
	for one := range strings.SplitSeq(accept, ",") {
		kind, params, _ := strings.Cut(one, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
		if (kind == media || kind == "*/*" || kind == major+"/*") && quality(params) > 0 {
			return true
		}
	}
	return false
}

// names reports whether the Accept header names a media type itself, not by a star.
func names(h http.Header, media string) bool {
	return strings.Contains(strings.ToLower(h.Get("Accept")), media)
}

// acceptsGzip reports whether an answer may be gzip'd.
func acceptsGzip(h http.Header) bool {
	for one := range strings.SplitSeq(h.Get("Accept-Encoding"), ",") {
		coding, params, _ := strings.Cut(one, ";")
		if coding = strings.TrimSpace(coding); (coding == "gzip" || coding == "*") && quality(params) > 0 {
			return true
		}
	}
	return false
}

// quality is the q of a header's parameters, 1 where there is none.
func quality(params string) float64 {
	for one := range strings.SplitSeq(params, ";") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(one), "q="); ok {
			if q, err := strconv.ParseFloat(v, 64); err == nil {
				return q
			}
		}
	}
	return 1
}
