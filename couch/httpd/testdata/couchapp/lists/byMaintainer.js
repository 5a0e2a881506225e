function (head, req) {
  var row, packages = {};
  while ((row = getRow())) (packages[row.key] = packages[row.key] || []).push(row.value);
  start({ code: Object.keys(packages).length ? 200 : 404, headers: { "Content-Type": "application/json" } });
  send(toJSON(packages));
}
