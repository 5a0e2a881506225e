function (doc) {
  if (!doc.versions) { return; }
  Object.keys(doc.versions).forEach(function (number) {
    var dist = doc.versions[number] && doc.versions[number].dist;
    if (dist && typeof dist.integrity === 'string') { emit(dist.integrity, number); }
  });
}
