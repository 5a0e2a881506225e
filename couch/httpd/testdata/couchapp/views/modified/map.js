function (doc) { if (doc.time && doc.time.modified) emit(Date.parse(doc.time.modified) > 0, doc.name); }
