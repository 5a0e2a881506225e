function (doc) {
  var kept = ['name', 'version', 'deprecated', 'dependencies', 'optionalDependencies', 'devDependencies',
    'bundleDependencies', 'peerDependencies', 'peerDependenciesMeta', 'acceptDependencies', 'bin', 'directories',
    'dist', 'engines', 'funding', 'cpu', 'os', 'libc', '_hasShrinkwrap'];
  var isObject = function (x) { return x !== null && typeof x === 'object' && !Array.isArray(x); };
  var runs = function (scripts, event) { return typeof scripts[event] === 'string' && scripts[event] !== ''; };
  if (!isObject(doc.versions)) { return; }
  var time = isObject(doc.time) ? doc.time : {}, timed = isObject(doc.time), count = 0;
  var out = { name: doc._id, versions: {} };
  Object.keys(doc.versions).forEach(function (number) {
    var from = doc.versions[number], to = {};
    if (number === '__proto__' || !isObject(from)) { return; }
    kept.forEach(function (field) {
      if (Object.prototype.hasOwnProperty.call(from, field)) { to[field] = from[field]; }
    });
    if (to.bundleDependencies === undefined && from.bundledDependencies !== undefined) {
      to.bundleDependencies = from.bundledDependencies;
    }
    var s = isObject(from.scripts) ? from.scripts : {};
    if (from.hasInstallScript === true || runs(s, 'preinstall') || runs(s, 'install') || runs(s, 'postinstall')) {
      to.hasInstallScript = true;
    }
    out.versions[number] = to;
    count++;
    if (!Object.prototype.hasOwnProperty.call(time, number) || typeof time[number] !== 'string') { timed = false; }
  });
  if (count === 0) { return; }
  if (typeof time.modified === 'string') { out.modified = time.modified; }
  out['dist-tags'] = isObject(doc['dist-tags']) ? doc['dist-tags'] : {};
  if (timed) { out.time = time; }
  emit(doc._id, out);
}
