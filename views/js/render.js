// What functions of shows, lists, updates and rewrites have beside the rest of the sandbox,
// and how they are called. turn and limit come from Go: turn(response, text)
// hands on what a list has said so far and gives its next row, null behind the last.
(function (turn, limit) {
  "use strict";

  // Names of representations, as provides and ?format= have them, and their media types.
  var mimes = Object.create(null), names = Object.create(null);
  function registerType(name) {
    var list = Array.prototype.slice.call(arguments, 1);
    mimes[name] = list;
    list.forEach(function (mime) { names[mime] = name; });
  }
  [
    ["all", "*/*"],
    ["text", "text/plain; charset=utf-8", "txt"],
    ["html", "text/html; charset=utf-8"],
    ["xhtml", "application/xhtml+xml", "xhtml"],
    ["xml", "application/xml", "text/xml", "application/x-xml"],
    ["js", "text/javascript", "application/javascript", "application/x-javascript"],
    ["css", "text/css"],
    ["ics", "text/calendar"],
    ["csv", "text/csv"],
    ["rss", "application/rss+xml"],
    ["atom", "application/atom+xml"],
    ["yaml", "application/x-yaml", "text/yaml"],
    ["multipart_form", "multipart/form-data"],
    ["url_encoded_form", "application/x-www-form-urlencoded"],
    ["json", "application/json", "text/x-json"],
  ].forEach(function (type) { registerType.apply(null, type); });

  // Of the call that runs.
  var offers, mime, said, length, response, fresh, begun, over, listing;
  function reset(isList) {
    offers = [];
    mime = null;
    said = [];
    length = 0;
    response = {};
    fresh = begun = over = false;
    listing = isList;
  }

  function provides(name, make) { offers.push({ name: name, make: make }); }

  function start(r) {
    response = r || {};
    fresh = true;
  }

  function say(text) {
    length += text.length;
    if (length > limit) throw new RangeError("send: too long");
    said.push(text);
  }

  function send(text) { say(text.toString()); }

  function taken() {
    var text = said.join("");
    said = [];
    length = 0;
    return text;
  }

  function typed(r) {
    r.headers = r.headers || {};
    if (mime) r.headers["Content-Type"] = r.headers["Content-Type"] || mime;
    return r;
  }

  function getRow() {
    if (!listing) throw ["error", "render_error", "getRow is for lists alone"];
    if (over) return null;
    if (!begun) {
      begun = fresh = true;
      response = typed(response);
    }
    var row = turn(fresh ? response : undefined, taken());
    fresh = false;
    over = row === null;
    return row;
  }

  // A media range of Accept, or a type that is offered.
  function parse(text) {
    var parts = text.split(";"), type = parts[0].trim(), params = {};
    parts.slice(1).forEach(function (p) {
      var pair = p.split("=");
      if (pair.length === 2) params[pair[0].trim()] = pair[1].trim();
    });
    if (type === "*") type = "*/*";
    var q = parseFloat(params.q);
    var halves = type.split("/");
    return { type: halves[0], subtype: halves[1], params: params, q: q >= 0 && q <= 1 ? q : 1 };
  }

  function fits(a, b) { return a === b || a === "*" || b === "*"; }

  // The offered type that an Accept header fits best; of equals the last.
  function best(types, accept) {
    var ranges = accept.split(",").map(parse), found = "", fitness = -1, quality = 0;
    types.forEach(function (one) {
      var offered = parse(one), fit = -1, q = 0;
      ranges.forEach(function (range) {
        if (!fits(range.type, offered.type) || !fits(range.subtype, offered.subtype)) return;
        var f = (range.type === offered.type ? 100 : 0) + (range.subtype === offered.subtype ? 10 : 0);
        Object.keys(offered.params).forEach(function (p) {
          if (p !== "q" && range.params[p] === offered.params[p]) f++;
        });
        if (f > fit) {
          fit = f;
          q = range.q;
        }
      });
      if (fit > fitness || (fit === fitness && q >= quality)) {
        found = one;
        fitness = fit;
        quality = q;
      }
    });
    return quality > 0 ? found : "";
  }

  // Runs the function of the representation that the request asks for.
  function provide(req, ddoc) {
    var name = "", accept = req.headers.Accept;
    if (req.query && req.query.format) {
      name = req.query.format;
      mime = mimes[name] ? mimes[name][0] : null;
    } else if (accept) {
      offers.reverse();
      mime = best(offers.reduce(function (all, o) { return all.concat(mimes[o.name] || []); }, []), accept);
      name = names[mime];
    } else {
      name = offers[0].name;
      mime = mimes[name] ? mimes[name][0] : null;
    }
    for (var i = 0; i < offers.length; i++) {
      if (offers[i].name === name) return offers[i].make.call(ddoc);
    }
    throw ["error", "not_acceptable", "Content-Type " + (accept || name) + " not supported, try one of: " +
      offers.map(function (o) { return mimes[o.name] ? mimes[o.name].join(", ") : o.name; }).join(", ")];
  }

  function wrapped(r) { return typeof r === "string" ? { body: r } : r; }

  function isResponse(r) { return typeof r === "string" || (typeof r === "object" && r !== null && !Array.isArray(r)); }

  // What a function threw goes on as it is where it chose the words.
  function failed(e, word) {
    if (e !== null && e !== undefined && ((e.error && e.reason) || e[0] === "error" || e[0] === "fatal")) throw e;
    throw ["error", word, "function raised error: " + e + " \nstacktrace: " + (e === null || e === undefined ? e : e.stack)];
  }

  function show(fun, ddoc, doc, req) {
    reset(false);
    try {
      var r = wrapped(fun.call(ddoc, doc, req) || {});
      if (said.length > 0) {
        Object.keys(response).forEach(function (member) {
          if (member !== "headers") r[member] = response[member];
        });
        r.headers = Object.assign(r.headers || {}, response.headers);
        r.body = taken() + (r.body || "");
      }
      if (offers.length > 0) {
        var provided = wrapped(provide(req, ddoc) || {});
        r.body = (r.body || "") + taken() + (provided.body || "");
        typed(r);
      }
      if (!isResponse(r)) throw ["error", "render_error", "undefined response from show function"];
      return r;
    } catch (e) {
      if (doc === null && req.path.length > 5) throw ["error", "not_found", "document not found"];
      failed(e, "render_error");
    }
  }

  function list(fun, ddoc, head, req) {
    reset(true);
    try {
      var tail = fun.call(ddoc, head, req);
      if (offers.length > 0) tail = provide(req, ddoc);
      if (!begun) getRow();
      if (tail !== undefined) say(String(tail));
      return { response: fresh ? response : undefined, text: taken() };
    } catch (e) {
      failed(e, "render_error");
    }
  }

  function update(fun, ddoc, doc, req) {
    reset(false);
    try {
      if (req.method === "GET") throw ["error", "method_not_allowed", "Update functions do not allow GET"];
      var result = fun.call(ddoc, doc, req), r = result[1];
      if (!isResponse(r)) throw ["error", "render_error", "undefined response from update function"];
      return { doc: result[0], response: wrapped(r) };
    } catch (e) {
      failed(e, "render_error");
    }
  }

  function rewrite(fun, ddoc, req) {
    reset(false);
    try {
      var target = fun.call(ddoc, req);
      if (!target) return null;
      return typeof target === "string" ? { path: target, method: req.method } : target;
    } catch (e) {
      failed(e, "rewrite_error");
    }
  }

  Object.assign(globalThis, { registerType: registerType, provides: provides, start: start, send: send, getRow: getRow });
  reset(false);
  return { show: show, list: list, update: update, rewrite: rewrite };
})
