function (doc) {
  var isObject = function (x) { return x !== null && typeof x === 'object' && !Array.isArray(x); };
  if (!isObject(doc.versions)) { return; }
  Object.keys(doc.versions).forEach(function (number) {
    var manifest = doc.versions[number];
    if (number === '__proto__' || !isObject(manifest)) { return; }
    var why = manifest.deprecated;
    if (why === true || (typeof why === 'string' && why !== '')) { emit([doc._id, number], why); }
  });
}
