function (doc, req) { return doc ? { json: doc["dist-tags"] } : { code: 404, json: { error: "not_found" } }; }
