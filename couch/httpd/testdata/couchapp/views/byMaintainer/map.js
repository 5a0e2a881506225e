function (doc) {
  (doc.maintainers || []).forEach(function (m) { emit(m.name, doc.name); });
}
