function (doc) {
  if (!doc.versions || !Array.isArray(doc.maintainers)) { return; }
  var latest = doc['dist-tags'] && doc['dist-tags'].latest || null;
  doc.maintainers.forEach(function (who) {
    if (who && typeof who.name === 'string') { emit(who.name, latest); }
  });
}
