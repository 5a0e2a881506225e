function (doc, req) {
  var refuse = require("lib/refuse");
  if (!doc) return [null, { code: 404, json: { error: "not_found", reason: "no such package" } }];
  var tag = req.query.tag;
  if (req.method === "DELETE") {
    if (tag === "latest") return refuse("latest is always there");
    delete doc["dist-tags"][tag];
  } else {
    var version = JSON.parse(req.body);
    if (!doc.versions[version]) return refuse("There is no version " + version);
    doc["dist-tags"][tag] = version;
  }
  doc.time.modified = new Date().toISOString();
  return [doc, { json: doc["dist-tags"] }];
}
