// What a package may be called.
module.exports = function (name) {
  return typeof name === "string" && name.length > 0 && name.length <= 214 && name === name.toLowerCase() &&
    /^(?:@[a-z0-9_.-]+\/)?[a-z0-9_-][a-z0-9_.-]*$/.test(name);
};
