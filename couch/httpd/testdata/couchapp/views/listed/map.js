function (doc) {
  var latest = doc["dist-tags"] && doc.versions && doc.versions[doc["dist-tags"].latest];
  if (latest) emit(doc.name, { description: doc.description, versions: Object.keys(doc.versions).length });
}
