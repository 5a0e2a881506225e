function (doc) {
  var isObject = function (x) { return x !== null && typeof x === 'object' && !Array.isArray(x); };
  if (!isObject(doc.versions)) { return; }
  Object.keys(doc.versions).forEach(function (number) {
    var manifest = doc.versions[number], runs = {};
    if (number === '__proto__' || !isObject(manifest)) { return; }
    var scripts = isObject(manifest.scripts) ? manifest.scripts : {}, installs = manifest.hasInstallScript === true;
    ['preinstall', 'install', 'postinstall'].forEach(function (event) {
      if (typeof scripts[event] === 'string' && scripts[event] !== '') {
        runs[event] = scripts[event];
        installs = true;
      }
    });
    if (installs) { emit([doc._id, number], runs); }
  });
}
