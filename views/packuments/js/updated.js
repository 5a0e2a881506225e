function (doc) {
  if (!doc.time || typeof doc.time.modified !== 'string') { return; }
  var latest = doc.versions && doc['dist-tags'] && doc['dist-tags'].latest;
  emit(doc.time.modified, latest || null);
}
