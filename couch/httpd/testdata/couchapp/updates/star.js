function (doc, req) {
  if (!doc) return [null, { code: 404, json: { error: "not_found" } }];
  doc.users = doc.users || {};
  if (req.method === "DELETE") delete doc.users[req.userCtx.name];
  else doc.users[req.userCtx.name] = true;
  return [doc, toJSON(Object.keys(doc.users))];
}
