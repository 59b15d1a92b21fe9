// Brings the newest figures every 30 seconds, and at once when something changes. Without it the page works as well, and stands still.
(function () {
  "use strict";
  var EVERY_MS = 30000;
  var SOON_MS = 400;
  var main = document.querySelector("main[data-live]");
  if (!main) { return; }
  var running = true;
  var button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  button.textContent = main.dataset.pause;
  button.addEventListener("click", function () {
    running = !running;
    button.textContent = running ? main.dataset.pause : main.dataset.resume;
  });
  var place = document.createElement("li");
  place.appendChild(button);
  document.querySelector(".foot .links").appendChild(place);

  function busy() {
    var chosen = window.getSelection();
    return document.hidden || main.contains(document.activeElement) && document.activeElement !== main
      || Boolean(chosen && String(chosen));
  }

  function keepOpen(fresh) {
    var old = main.querySelectorAll("details");
    fresh.querySelectorAll("details").forEach(function (each, i) {
      if (old[i]) { each.open = old[i].open; }
    });
    var drawn = main.querySelectorAll(".chart, .scroll");
    return Array.prototype.map.call(drawn, function (each) { return each.scrollLeft; });
  }

  function show(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html").querySelector("main[data-live]");
    if (!fresh || busy()) { return; }
    var scrolled = keepOpen(fresh);
    main.replaceChildren.apply(main, Array.prototype.slice.call(fresh.childNodes));
    main.querySelectorAll(".chart, .scroll").forEach(function (each, i) {
      each.scrollLeft = scrolled[i] || 0;
    });
    document.dispatchEvent(new Event("bms:fresh"));
  }

  function bring() {
    if (!running || busy()) { return; }
    fetch(window.location.pathname + window.location.search, { credentials: "same-origin", headers: { Accept: "text/html" } })
      .then(function (answer) { return answer.ok && !answer.redirected ? answer.text() : ""; })
      .then(show)
      .catch(function () { /* the next turn tries again */ });
  }

  window.setInterval(bring, EVERY_MS);

  // What changes at a building is told at once; what comes together is brought together.
  if (main.dataset.site && window.EventSource) {
    var waiting = 0;
    var soon = function () {
      window.clearTimeout(waiting);
      waiting = window.setTimeout(bring, SOON_MS);
    };
    var told = new EventSource(main.dataset.below + "/v1/events?site=" + encodeURIComponent(main.dataset.site));
    ["receipt", "decision", "reset"].forEach(function (kind) { told.addEventListener(kind, soon); });
  }
}());
