// All that a package must be, by module: each asks the ones beside it and above.
exports.name = require("./name");
exports.version = require("../versions").valid;
exports.date = function (text) { return typeof text === "string" && !isNaN(Date.parse(text)); };
exports.id = module.id;
