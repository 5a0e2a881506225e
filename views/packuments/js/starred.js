function (doc) {
  var isObject = function (x) { return x !== null && typeof x === 'object' && !Array.isArray(x); };
  if (!isObject(doc.versions) || !isObject(doc.users)) { return; }
  Object.keys(doc.users).forEach(function (user) {
    if (doc.users[user] === true) { emit(user, doc._id); }
  });
}
