function (doc) {
  if (doc.versions && doc['dist-tags']) { emit(doc._id, doc['dist-tags']); }
}
