function (doc) {
  var isObject = function (x) { return x !== null && typeof x === 'object' && !Array.isArray(x); };
  var own = function (o, k) { return isObject(o) && Object.prototype.hasOwnProperty.call(o, k) ? o[k] : undefined; };
  var tag = own(doc['dist-tags'], 'latest');
  var latest = typeof tag === 'string' && tag !== '__proto__' && isObject(own(doc.versions, tag)) ? tag : null;
  var slash = doc._id.indexOf('/');
  if (isObject(doc.versions) && doc._id.charAt(0) === '@' && slash > 1) { emit(doc._id.slice(0, slash), latest); }
}
