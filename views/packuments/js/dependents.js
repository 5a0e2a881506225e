function (doc) {
  var latest = doc.versions && doc['dist-tags'] && doc.versions[doc['dist-tags'].latest];
  var needs = latest && latest.dependencies;
  if (!needs || typeof needs !== 'object') { return; }
  Object.keys(needs).forEach(function (name) { emit(name, needs[name]); });
}
