function (doc) {
  var isObject = function (x) { return x !== null && typeof x === 'object' && !Array.isArray(x); };
  var own = function (o, k) { return isObject(o) && Object.prototype.hasOwnProperty.call(o, k) ? o[k] : undefined; };
  if (!isObject(doc.versions)) { return; }
  Object.keys(doc.versions).forEach(function (number) {
    var manifest = doc.versions[number], value = {};
    if (number === '__proto__' || !isObject(manifest)) { return; }
    var time = own(doc.time, number), deprecated = manifest.deprecated;
    if (typeof time === 'string') { value.time = time; }
    if (deprecated === true || (typeof deprecated === 'string' && deprecated !== '')) { value.deprecated = deprecated; }
    emit([doc._id, number], value);
  });
}
