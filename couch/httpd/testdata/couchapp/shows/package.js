function (doc, req) {
  function answer(code, value) {
    return { code: code, headers: { "Content-Type": "application/json" }, body: toJSON(value) };
  }
  if (!doc) return answer(404, { error: "not_found", reason: "no such package: " + req.id });
  var base = "http://" + req.headers.Host + "/" + req.path[0] + "/_design/" + req.path[2] + "/_rewrite/";
  for (var v in doc.versions) {
    var dist = doc.versions[v].dist;
    if (dist) dist.tarball = base + encodeURIComponent(doc.name) + "/-/" + dist.file;
  }
  delete doc._revisions;
  if (!req.query.version) return answer(200, doc);
  var wanted = doc["dist-tags"][req.query.version] || req.query.version;
  return doc.versions[wanted] ? answer(200, doc.versions[wanted]) : answer(404, { error: "not_found", reason: "no such version: " + wanted });
}
