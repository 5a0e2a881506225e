function (doc) {
  var isObject = function (x) { return x !== null && typeof x === 'object' && !Array.isArray(x); };
  var own = function (o, k) { return isObject(o) && Object.prototype.hasOwnProperty.call(o, k) ? o[k] : undefined; };
  var tag = own(doc['dist-tags'], 'latest');
  var latest = typeof tag === 'string' && tag !== '__proto__' && isObject(own(doc.versions, tag)) ? tag : null;
  var seen = {}, people = Array.isArray(doc.maintainers) ? doc.maintainers : [doc.maintainers];
  if (!isObject(doc.versions)) { return; }
  people.forEach(function (who) {
    var name = typeof who === 'string' ? who.split(/[<(]/)[0].trim() : own(who, 'name');
    if (typeof name !== 'string' || name === '' || seen['$' + name]) { return; }
    seen['$' + name] = true;
    emit(name, latest);
  });
}
