function (doc) {
  var isObject = function (x) { return x !== null && typeof x === 'object' && !Array.isArray(x); };
  var own = function (o, k) { return isObject(o) && Object.prototype.hasOwnProperty.call(o, k) ? o[k] : undefined; };
  var tag = own(doc['dist-tags'], 'latest');
  var latest = typeof tag === 'string' && tag !== '__proto__' && isObject(own(doc.versions, tag)) ? tag : null;
  if (latest === null) { return; }
  var seen = {}, found = false, manifest = doc.versions[latest];
  [manifest.license, manifest.licenses].forEach(function (given) {
    if (found) { return; }
    (Array.isArray(given) ? given : [given]).forEach(function (one) {
      var text = isObject(one) ? one.type : one;
      text = typeof text === 'string' ? text.trim() : '';
      if (text === '' || seen['$' + text]) { return; }
      seen['$' + text] = found = true;
      emit(text, latest);
    });
  });
  if (!found) { emit(null, latest); }
}
