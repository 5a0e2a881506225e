function (doc, req) {
  var versions = require("lib/versions"), refuse = require("lib/refuse");
  var now = new Date().toISOString(), body;
  try {
    body = JSON.parse(req.body);
  } catch (e) {
    return refuse("The body is no JSON");
  }
  if (req.query.version) {
    var one = {};
    one[req.query.version] = body;
    body = { name: body.name, versions: one, "dist-tags": { latest: req.query.version } };
  }
  var news = Object.keys(body.versions || {});
  if (!doc) {
    doc = { _id: req.id || body.name, name: body.name, maintainers: body.maintainers, versions: {}, "dist-tags": {}, time: { created: now } };
  }
  for (var i = 0; i < news.length; i++) {
    var v = news[i], clean = versions.clean(v);
    if (!clean) return refuse("Invalid version: " + v);
    if (clean in doc.versions) return refuse("You cannot publish over the version " + clean);
    doc.versions[clean] = body.versions[v];
    doc.versions[clean]._npmUser = { name: req.userCtx.name };
    doc.versions[clean].maintainers = doc.maintainers;
    doc.time[clean] = now;
  }
  for (var tag in body["dist-tags"]) doc["dist-tags"][tag] = versions.clean(body["dist-tags"][tag]);
  if (!doc["dist-tags"].latest && news.length) doc["dist-tags"].latest = versions.latest(Object.keys(doc.versions));
  if (body._attachments) {
    doc._attachments = doc._attachments || {};
    for (var name in body._attachments) doc._attachments[name] = body._attachments[name];
  }
  var latest = doc.versions[doc["dist-tags"].latest];
  ["description", "license", "keywords"].forEach(function (k) {
    if (latest && latest[k]) doc[k] = latest[k];
    else delete doc[k];
  });
  doc.time.modified = now;
  return [doc, { headers: { "Content-Type": "application/json" }, body: toJSON({ ok: news.length ? "published" : "updated" }) }];
}
