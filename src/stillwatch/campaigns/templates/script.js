"use strict";
(function () {
  function key(row, column) {
    var cell = row.cells[column];
    var value = cell.getAttribute("data-sort");
    return value === null ? cell.textContent.trim() : parseFloat(value);
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") { return a - b; }
    return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
  }
  function unknown(value) { return typeof value === "number" && isNaN(value) ? 1 : 0; }
  function sortable(table) {
    var heads = table.tHead.rows[0].cells;
    Array.prototype.forEach.call(heads, function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      while (head.firstChild) { button.appendChild(head.firstChild); }
      head.appendChild(button);
      button.addEventListener("click", function () {
        var up = head.getAttribute("aria-sort") === "descending";
        Array.prototype.forEach.call(heads, function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        var body = table.tBodies[0];
        var rows = Array.prototype.slice.call(body.rows);
        rows.sort(function (a, b) {
          var x = key(a, column), y = key(b, column);
          if (unknown(x) || unknown(y)) { return unknown(x) - unknown(y); }
          return up ? compare(x, y) : compare(y, x);
        });
        rows.forEach(function (row) { body.appendChild(row); });
      });
    });
  }
  function filterable(box) {
    var table = document.getElementById(box.getAttribute("data-table"));
    var input = box.querySelector("input");
    var told = box.querySelector("[role=status]");
    box.hidden = false;
    input.addEventListener("input", function () {
      var wanted = input.value.trim().toLowerCase();
      var rows = table.tBodies[0].rows;
      var left = 0;
      Array.prototype.forEach.call(rows, function (row) {
        var fits = row.textContent.toLowerCase().indexOf(wanted) !== -1;
        row.hidden = !fits;
        left += fits ? 1 : 0;
      });
      told.textContent = wanted ? left + " of " + rows.length + " rows" : "";
    });
  }
  Array.prototype.forEach.call(document.querySelectorAll("table.sortable"), sortable);
  Array.prototype.forEach.call(document.querySelectorAll(".filter"), filterable);
})();
