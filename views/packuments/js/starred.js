function (doc) {
  if (!doc.versions || !doc.users || typeof doc.users !== 'object') { return; }
  Object.keys(doc.users).forEach(function (user) {
    if (doc.users[user]) { emit(user, doc._id); }
  });
}
