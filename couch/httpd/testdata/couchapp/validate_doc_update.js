function (doc, old, user, security) {
  var valid = require("lib/valid/index");
  function must(truth, reason) {
    if (!truth) throw { forbidden: reason };
  }
  function isObject(x) { return x !== null && typeof x === "object" && !isArray(x); }

  if (doc.forbidden) throw { forbidden: doc.forbidden };
  if (!user.name) throw { unauthorized: "Please log in before writing to the db" };
  var isAdmin = user.roles.indexOf("_admin") >= 0;
  function maintains(d) {
    return isAdmin || d.maintainers.some(function (m) { return m.name === user.name; });
  }

  if (doc._deleted) {
    must(!old || maintains(old), "You do not maintain " + doc._id);
    return;
  }
  must(valid.name(doc._id), "Invalid package id: " + toJSON(doc._id));
  must(doc.name === doc._id, "The name must be the id");
  must(isArray(doc.maintainers) && doc.maintainers.length > 0, "No maintainers");
  doc.maintainers.forEach(function (m) { must(isObject(m) && m.name && m.email, "A maintainer must have a name and an email"); });
  must(isObject(doc.versions) && isObject(doc["dist-tags"]) && isObject(doc.time), "versions, dist-tags and time must be objects");
  Object.keys(doc.versions).forEach(function (v) {
    must(valid.version(v), "Invalid version: " + v);
    must(doc.versions[v].name === doc.name && doc.versions[v].version === v, "Version " + v + " is another one's");
    must(valid.date(doc.time[v]), "No time of version " + v);
    var before = old && !old._deleted && old.versions && old.versions[v];
    must(!before || before.dist.shasum === doc.versions[v].dist.shasum, "Version " + v + " is there already");
  });
  Object.keys(doc["dist-tags"]).forEach(function (t) {
    must(!valid.version(t), "A tag must not look like a version: " + t);
    must(doc.versions[doc["dist-tags"][t]], "Tag " + t + " names no version");
  });
  Object.keys(doc.users || {}).forEach(function (u) {
    must(isAdmin || u === user.name || (old && old.users && old.users[u]), "You may star for yourself alone");
  });

  if (!old || old._deleted) return;
  var users = toJSON([doc.users, old.users]), time = doc.time.modified;
  doc.users = old.users;
  doc.time.modified = old.time.modified;
  doc._rev = old._rev;
  doc._revisions = old._revisions;
  var starred = JSON.stringify(doc) === JSON.stringify(old);
  must(starred || maintains(old), "You do not maintain " + doc.name);
  log("changed by " + user.name + " of " + user.db + " at " + time + ": " + users.length);
};
