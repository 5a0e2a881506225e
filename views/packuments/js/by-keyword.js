function (doc) {
  var isObject = function (x) { return x !== null && typeof x === 'object' && !Array.isArray(x); };
  var own = function (o, k) { return isObject(o) && Object.prototype.hasOwnProperty.call(o, k) ? o[k] : undefined; };
  var tag = own(doc['dist-tags'], 'latest');
  var latest = typeof tag === 'string' && tag !== '__proto__' && isObject(own(doc.versions, tag)) ? tag : null;
  var seen = {}, words = typeof doc.keywords === 'string' ? doc.keywords.split(',') : doc.keywords;
  if (!isObject(doc.versions) || !Array.isArray(words)) { return; }
  words.forEach(function (word) {
    if (typeof word !== 'string') { return; }
    word = word.trim().toLowerCase();
    if (word === '' || seen['$' + word]) { return; }
    seen['$' + word] = true;
    emit(word, latest);
  });
}
