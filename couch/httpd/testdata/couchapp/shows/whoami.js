function (doc, req) {
  registerType("npm", "application/vnd.npm.whoami");
  provides("json", function () { return { body: toJSON({ username: req.userCtx.name }) }; });
  provides("html", function () { return "<p>" + req.userCtx.name; });
  provides("npm", function () { return { body: "npm " + req.userCtx.name }; });
}
