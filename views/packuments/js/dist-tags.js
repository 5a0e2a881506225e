function (doc) {
  var isObject = function (x) { return x !== null && typeof x === 'object' && !Array.isArray(x); };
  if (isObject(doc.versions) && isObject(doc['dist-tags'])) { emit(doc._id, doc['dist-tags']); }
}
