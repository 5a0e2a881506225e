function (doc) {
  var isObject = function (x) { return x !== null && typeof x === 'object' && !Array.isArray(x); };
  var own = function (o, k) { return isObject(o) && Object.prototype.hasOwnProperty.call(o, k) ? o[k] : undefined; };
  var tag = own(doc['dist-tags'], 'latest');
  var latest = typeof tag === 'string' && tag !== '__proto__' && isObject(own(doc.versions, tag)) ? tag : null;
  if (latest === null) { return; }
  var seen = {}, manifest = doc.versions[latest];
  ['dependencies', 'optionalDependencies', 'peerDependencies'].forEach(function (kind) {
    var needs = manifest[kind];
    if (!isObject(needs)) { return; }
    Object.keys(needs).forEach(function (name) {
      if (seen['$' + name]) { return; }
      seen['$' + name] = true;
      emit(name, typeof needs[name] === 'string' ? needs[name] : null);
    });
  });
}
