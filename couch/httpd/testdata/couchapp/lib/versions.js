// Version numbers, as far as a registry needs them.
var shape = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$/;

exports.valid = function (v) { return typeof v === "string" && shape.test(v); };

exports.clean = function (v) {
  var m = /^\s*[v=]*\s*(.*?)\s*$/.exec(String(v));
  return exports.valid(m[1]) ? m[1] : null;
};

exports.compare = function (a, b) {
  var x = shape.exec(a), y = shape.exec(b);
  for (var i = 1; i <= 3; i++) {
    if (+x[i] !== +y[i]) return x[i] - y[i];
  }
  if (!x[4] !== !y[4]) return x[4] ? -1 : 1;
  return x[4] === y[4] ? 0 : x[4] < y[4] ? -1 : 1;
};

exports.latest = function (list) { return list.slice().sort(exports.compare).pop(); };
