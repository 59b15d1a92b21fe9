// Shows the numbers of a chart under the pointer and the arrow keys: they stand in the table below it.
// Without it the table says the same.
(function () {
  "use strict";
  var SVG = "http://www.w3.org/2000/svg";

  function prepare(figure) {
    if (figure.dataset.ready) { return; }
    figure.dataset.ready = "1";
    var rows = figure.querySelectorAll("tbody tr");
    var heads = figure.querySelectorAll("thead th");
    if (!rows.length) { return; }
    figure.tabIndex = 0;
    var told = document.createElement("p");
    told.className = "readout";
    told.setAttribute("role", "status");
    figure.querySelector("details").before(told);
    var at = -1;

    function show(index) {
      at = Math.max(0, Math.min(rows.length - 1, index));
      var parts = Array.prototype.map.call(rows[at].children, function (cell, i) {
        return i ? heads[i].textContent + " " + cell.textContent : cell.textContent;
      });
      told.textContent = parts.filter(Boolean).join(" · ");
      figure.querySelectorAll(".drawing").forEach(mark);
    }

    function mark(drawing) {
      var chart = drawing.querySelector("svg");
      var box = chart.viewBox.baseVal;
      var left = Number(drawing.dataset.left), right = Number(drawing.dataset.right);
      var x = box.width * (left + (right - left) * (at + 0.5) / rows.length);
      var rule = chart.querySelector(".pointer") || chart.appendChild(document.createElementNS(SVG, "line"));
      rule.setAttribute("class", "pointer axis");
      rule.setAttribute("x1", x); rule.setAttribute("x2", x);
      rule.setAttribute("y1", 0); rule.setAttribute("y2", box.height - 26);
    }

    figure.querySelectorAll(".drawing").forEach(function (drawing) {
      drawing.addEventListener("pointermove", function (event) {
        var box = drawing.querySelector("svg").getBoundingClientRect();
        var left = Number(drawing.dataset.left), right = Number(drawing.dataset.right);
        var share = ((event.clientX - box.left) / box.width - left) / (right - left);
        if (share >= 0 && share <= 1) { show(Math.floor(share * rows.length)); }
      });
    });
    figure.addEventListener("keydown", function (event) {
      if (event.target !== figure) { return; }
      var step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 24, PageUp: -24 }[event.key];
      if (event.key === "Home") { show(0); } else if (event.key === "End") { show(rows.length - 1); } else if (step) {
        show(at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step);
      } else { return; }
      event.preventDefault();
    });
  }

  function prepareAll() { document.querySelectorAll("figure[data-chart]").forEach(prepare); }
  prepareAll();
  document.addEventListener("bms:fresh", prepareAll);
}());
