var sum = function (values) {
  var total = 0;
  for (var i = 0; i < values.length; i++) total += values[i];
  return total;
};
var isArray = Array.isArray;
var toJSON = JSON.stringify;
(function (maximum) {
  // Built-ins that make a long value out of a number cannot be interrupted, so they refuse.
  function bound(prototype, name, size) {
    var original = prototype[name];
    Object.defineProperty(prototype, name, {
      configurable: true,
      writable: true,
      enumerable: false,
      value: function () {
        if (size(this, arguments[0]) > maximum) throw new RangeError(name + ": too long");
        return original.apply(this, arguments);
      },
    });
  }
  bound(String.prototype, "repeat", function (s, n) { return String(s).length * n; });
  bound(String.prototype, "padStart", function (s, n) { return n; });
  bound(String.prototype, "padEnd", function (s, n) { return n; });
  bound(Array.prototype, "fill", function (a) { return a.length; });
})(maximum);
delete globalThis.maximum;
