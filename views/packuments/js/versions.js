function (doc) {
  if (!doc.versions) { return; }
  Object.keys(doc.versions).forEach(function (number) {
    var value = {}, deprecated = doc.versions[number] && doc.versions[number].deprecated;
    if (doc.time && doc.time[number]) { value.time = doc.time[number]; }
    if (deprecated) { value.deprecated = deprecated; }
    emit([doc._id, number], value);
  });
}
