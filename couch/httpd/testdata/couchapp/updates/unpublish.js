function (doc, req) {
  if (!doc) return [null, { code: 404, json: { error: "not_found" } }];
  if (req.query.rev !== doc._rev) return [null, { code: 409, json: { error: "conflict", is: doc._rev } }];
  return [{ _id: doc._id, _rev: doc._rev, _deleted: true }, { json: { ok: "deleted" } }];
}
