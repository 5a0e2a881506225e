function (head, req) {
  var row, n = 0;
  provides("atom", function () {
    send("<feed>");
    while ((row = getRow())) send("<entry>" + row.value + "</entry>");
    return "</feed>";
  });
  provides("text", function () {
    while ((row = getRow()) && ++n <= 2) send(row.value + "\n");
    return n + " of " + head.total_rows;
  });
}
