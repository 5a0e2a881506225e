package httpd_test

import (
	"fmt"
	"net/url"
	"strings"
)

func (g *generator) get() request {
	id := g.id()
	r := request{method: g.pick("GET", "GET", "HEAD"), path: docPath(id) + "?" + g.options("revs", "revs_info", "conflicts", "deleted_conflicts", "meta", "local_seq", "attachments", "att_encoding_info")}
	if rev := g.rev(id); rev != "" && g.odds(2) {
		r.path += "&rev=" + url.QueryEscape(rev)
	}
	return r
}

func (g *generator) open() request {
	id := g.id()
	open := "all"
	if g.odds(2) {
		open = text(g.revs(id))
	}
	return request{method: "GET", path: docPath(id) + "?open_revs=" + url.QueryEscape(open) + "&" + g.options("revs", "latest", "attachments", "conflicts")}
}

// list is a range of one of the lists.
func (g *generator) list() request {
	path := "/" + g.pick("_all_docs", "_all_docs", "_design_docs") + "?" + g.options("include_docs", "conflicts", "descending", "inclusive_end", "update_seq", "attachments")
	for _, name := range []string{"startkey", "endkey", "key"} {
		if g.odds(3) {
			path += "&" + name + "=" + url.QueryEscape(g.pick(text(g.id()), text(g.id()), "null", "{}", `"m"`))
		}
	}
	if g.odds(3) {
		path += fmt.Sprintf("&limit=%d", g.IntN(4))
	}
	if g.odds(3) {
		path += fmt.Sprintf("&skip=%d", g.IntN(4))
	}
	return request{method: "GET", path: path}
}

func (g *generator) keys() request {
	var keys []string
	for range 2 + g.IntN(3) {
		keys = append(keys, g.pick(g.id(), g.id(), "none", "_local/x"))
	}
	return request{method: "POST", path: "/" + g.pick("_all_docs", "_local_docs", "_design_docs") + "?" + g.options("include_docs", "descending", "conflicts"), body: `{"keys":` + text(keys) + "}"}
}

func (g *generator) changes() request {
	return request{method: "GET", path: "/_changes?style=" + g.pick("main_only", "all_docs") + "&" + g.options("include_docs", "conflicts", "descending", "attachments")}
}

func (g *generator) diff() request {
	var list []string
	for _, id := range g.some() {
		list = append(list, text(id)+":"+text(g.revs(id)))
	}
	return request{method: "POST", path: "/" + g.pick("_revs_diff", "_missing_revs"), body: "{" + strings.Join(list, ",") + "}", unordered: true}
}

func (g *generator) bulkGet() request {
	var list []string
	for _, id := range g.some() {
		entry := `{"id":` + text(id)
		if rev := g.rev(id); rev != "" && g.odds(2) {
			entry += `,"rev":` + text(rev)
		}
		list = append(list, entry+"}")
	}
	return request{method: "POST", path: "/_bulk_get?" + g.options("revs", "latest", "attachments"), body: `{"docs":[` + strings.Join(list, ",") + "]}", unordered: true}
}

func (g *generator) conditional() request {
	id := g.id()
	return request{method: "GET", path: docPath(id), header: `If-None-Match: "` + g.rev(id) + `"`}
}
