function (doc) {
  var isObject = function (x) { return x !== null && typeof x === 'object' && !Array.isArray(x); };
  if (!isObject(doc.versions)) { return; }
  Object.keys(doc.versions).forEach(function (number) {
    var manifest = doc.versions[number];
    if (number === '__proto__' || !isObject(manifest) || !isObject(manifest.dist)) { return; }
    var integrity = manifest.dist.integrity;
    if (typeof integrity === 'string' && integrity !== '') { emit(integrity, number); }
  });
}
