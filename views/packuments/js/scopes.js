function (doc) {
  if (!doc.versions || !Array.isArray(doc.maintainers)) { return; }
  var slash = doc._id.indexOf('/');
  if (doc._id.charAt(0) !== '@' || slash < 0) { return; }
  var latest = doc['dist-tags'] && doc['dist-tags'].latest || null;
  doc.maintainers.forEach(function (who) {
    if (who && typeof who.name === 'string') { emit([doc._id.slice(0, slash), who.name], latest); }
  });
}
