function (doc) {
  if (!doc.versions || !Array.isArray(doc.keywords)) { return; }
  var latest = doc['dist-tags'] && doc['dist-tags'].latest || null;
  doc.keywords.forEach(function (word) {
    if (typeof word === 'string' && word !== '') { emit(word.toLowerCase(), latest); }
  });
}
