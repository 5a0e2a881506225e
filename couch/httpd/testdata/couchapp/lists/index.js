function (head, req) {
  start({ headers: { "Content-Type": "application/json" } });
  send('{"_updated":' + (req.query.stamp || 0));
  var row;
  while ((row = getRow())) send("," + toJSON(row.key) + ":" + toJSON(row.value));
  return "}\n";
}
