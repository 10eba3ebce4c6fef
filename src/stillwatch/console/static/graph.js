/* The account–artefact picture on a canvas: moved, sized and walked through by pointer, touch and keyboard.
   The tables below the canvas say the same; where this script does not run, they are all there is. */
(function () {
  "use strict";
  var SORT = 0, X = 1, Y = 2, COUNT = 3, LABEL = 4, URL = 5, EDGE = 40, CLICK = 5;

  function Picture(box, data) {
    this.canvas = box.querySelector("canvas");
    this.said = box.querySelector(".graph-said");
    this.pen = this.canvas.getContext("2d");
    this.nodes = data.nodes;
    this.lines = data.lines;
    this.near = this.nodes.map(function () { return []; });
    this.lines.forEach(function (line) { this.near[line[0]].push(line[1]); this.near[line[1]].push(line[0]); }, this);
    this.order = this.nodes.map(function (_, place) { return place; }).sort(function (a, b) { return this.nodes[b][COUNT] - this.nodes[a][COUNT]; }.bind(this));
    this.most = Math.max.apply(null, this.nodes.map(function (node) { return node[COUNT]; }));
    this.chosen = -1;
    this.waits = false;
    this.pointers = {};
    [this.canvas, this.said, box.querySelector(".graph-tools")].forEach(function (part) { part.hidden = false; });
    this.listen(box);
    this.all();
  }

  Picture.prototype.fit = function () {
    var dense = window.devicePixelRatio || 1;
    var width = Math.round(this.canvas.clientWidth * dense), height = Math.round(this.canvas.clientHeight * dense);
    if (this.canvas.width !== width || this.canvas.height !== height) { this.canvas.width = width; this.canvas.height = height; }
    this.dense = dense;
  };

  Picture.prototype.all = function () {
    this.fit();
    this.scale = Math.max(50, Math.min(this.canvas.clientWidth, this.canvas.clientHeight) - 2 * EDGE);
    this.left = (this.canvas.clientWidth - this.scale) / 2;
    this.top = (this.canvas.clientHeight - this.scale) / 2;
    this.soon();
  };

  Picture.prototype.soon = function () {
    if (this.waits) { return; }
    this.waits = true;
    window.requestAnimationFrame(function () { this.waits = false; this.draw(); }.bind(this));
  };

  Picture.prototype.at = function (place) {
    var node = this.nodes[place];
    return [this.left + node[X] * this.scale, this.top + node[Y] * this.scale];
  };

  Picture.prototype.size = function (place) {
    var node = this.nodes[place];
    if (node[SORT] === "artefact") { return 6; }
    return node[SORT] === "account" ? 4 : 5 + 19 * Math.sqrt(node[COUNT] / this.most);
  };

  Picture.prototype.draw = function () {
    var pen = this.pen, style = window.getComputedStyle(document.documentElement), place, at, size;
    var found = {};
    function colour(name) { found[name] = found[name] || style.getPropertyValue(name).trim() || "gray"; return found[name]; }
    pen.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    pen.clearRect(0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
    pen.lineWidth = 1;
    pen.strokeStyle = colour("--line");
    pen.beginPath();
    this.lines.forEach(function (line) {
      var a = this.at(line[0]), b = this.at(line[1]);
      pen.moveTo(a[0], a[1]);
      pen.lineTo(b[0], b[1]);
    }, this);
    pen.stroke();
    if (this.chosen >= 0) {
      pen.strokeStyle = colour("--ink");
      pen.lineWidth = 1.5;
      pen.beginPath();
      at = this.at(this.chosen);
      this.near[this.chosen].forEach(function (other) { var b = this.at(other); pen.moveTo(at[0], at[1]); pen.lineTo(b[0], b[1]); }, this);
      pen.stroke();
    }
    for (place = 0; place < this.nodes.length; place += 1) {
      at = this.at(place);
      size = this.size(place);
      pen.fillStyle = colour(this.nodes[place][SORT] === "artefact" ? "--minus" : "--plus");
      pen.beginPath();
      if (this.nodes[place][SORT] === "artefact") { pen.rect(at[0] - size, at[1] - size, 2 * size, 2 * size); } else { pen.arc(at[0], at[1], size, 0, 2 * Math.PI); }
      pen.fill();
      pen.lineWidth = place === this.chosen ? 3 : 1;
      pen.strokeStyle = colour(place === this.chosen ? "--ink" : "--paper");
      pen.stroke();
      if (this.nodes[place][SORT] === "accounts" && size > 9) {
        pen.fillStyle = colour("--ink");
        pen.font = "12px sans-serif";
        pen.textAlign = "center";
        pen.fillText(this.nodes[place][COUNT].toLocaleString("en"), at[0], at[1] - size - 4);
      }
    }
  };

  Picture.prototype.under = function (x, y) {
    var best = -1, least = Infinity;
    this.nodes.forEach(function (_, place) {
      var at = this.at(place), far = Math.hypot(at[0] - x, at[1] - y);
      if (far <= Math.max(this.size(place), 12) && far < least) { best = place; least = far; }
    }, this);
    return best;
  };

  Picture.prototype.choose = function (place) {
    var at, node;
    if (place === this.chosen) { return; }
    this.chosen = place;
    node = place < 0 ? null : this.nodes[place];
    this.said.textContent = node ? node[LABEL] + (node[URL] ? ". Enter or a click opens it." : "") : "";
    this.canvas.style.cursor = node && node[URL] ? "pointer" : "grab";
    if (node) {
      at = this.at(place);
      if (at[0] < 0 || at[1] < 0 || at[0] > this.canvas.clientWidth || at[1] > this.canvas.clientHeight) { this.move(this.canvas.clientWidth / 2 - at[0], this.canvas.clientHeight / 2 - at[1]); }
    }
    this.soon();
  };

  Picture.prototype.open = function () {
    var url = this.chosen < 0 ? "" : this.nodes[this.chosen][URL];
    if (url && url.charAt(0) === "/") { window.location.assign(url); }
  };

  Picture.prototype.move = function (x, y) { this.left += x; this.top += y; this.soon(); };

  Picture.prototype.zoom = function (by, x, y) {
    var scale = Math.min(Math.max(this.scale * by, 100), 40000);
    by = scale / this.scale;
    this.left = x - (x - this.left) * by;
    this.top = y - (y - this.top) * by;
    this.scale = scale;
    this.soon();
  };

  Picture.prototype.step = function (by) {
    var now = this.order.indexOf(this.chosen);
    this.choose(this.order[(now + by + this.order.length + (now < 0 && by < 0 ? 1 : 0)) % this.order.length]);
  };

  Picture.prototype.key = function (event) {
    var middle = [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2];
    var moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    if (event.ctrlKey || event.altKey || event.metaKey) { return; }
    if (moves[event.key]) { this.move(moves[event.key][0], moves[event.key][1]); }
    else if (event.key === "+" || event.key === "=") { this.zoom(1.25, middle[0], middle[1]); }
    else if (event.key === "-") { this.zoom(0.8, middle[0], middle[1]); }
    else if (event.key === "0") { this.all(); }
    else if (event.key === "n" || event.key === "N") { this.step(1); }
    else if (event.key === "p" || event.key === "P") { this.step(-1); }
    else if (event.key === "Enter") { this.open(); }
    else if (event.key === "Escape") { this.choose(-1); }
    else { return; }
    event.preventDefault();
  };

  Picture.prototype.dragged = function (event) {
    var held = this.pointers[event.pointerId], ids = Object.keys(this.pointers), other, before, now;
    var at = [event.offsetX, event.offsetY];
    if (!held) { this.choose(this.under(at[0], at[1])); return; }
    if (ids.length === 2) {
      other = this.pointers[ids[0] === String(event.pointerId) ? ids[1] : ids[0]].at;
      before = Math.hypot(held.at[0] - other[0], held.at[1] - other[1]);
      now = Math.hypot(at[0] - other[0], at[1] - other[1]);
      if (before > 0 && now > 0) { this.zoom(now / before, other[0], other[1]); }
    } else { this.move(at[0] - held.at[0], at[1] - held.at[1]); }
    held.way += Math.hypot(at[0] - held.at[0], at[1] - held.at[1]);
    held.at = at;
  };

  Picture.prototype.listen = function (box) {
    var picture = this, canvas = this.canvas, dark = window.matchMedia("(prefers-color-scheme: dark)");
    canvas.addEventListener("pointerdown", function (event) {
      canvas.setPointerCapture(event.pointerId);
      picture.pointers[event.pointerId] = { at: [event.offsetX, event.offsetY], way: 0 };
    });
    canvas.addEventListener("pointermove", function (event) { picture.dragged(event); });
    canvas.addEventListener("pointerup", function (event) {
      var held = picture.pointers[event.pointerId];
      delete picture.pointers[event.pointerId];
      if (held && held.way < CLICK) { picture.choose(picture.under(event.offsetX, event.offsetY)); picture.open(); }
    });
    canvas.addEventListener("pointercancel", function (event) { delete picture.pointers[event.pointerId]; });
    canvas.addEventListener("wheel", function (event) {
      if (!event.ctrlKey && document.activeElement !== canvas) { return; }
      event.preventDefault();
      picture.zoom(event.deltaY < 0 ? 1.15 : 0.87, event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("keydown", function (event) { picture.key(event); });
    box.querySelector(".graph-tools").addEventListener("click", function (event) {
      var what = event.target.getAttribute("data-do"), middle = [canvas.clientWidth / 2, canvas.clientHeight / 2];
      if (what === "all") { picture.all(); } else if (what) { picture.zoom(what === "in" ? 1.25 : 0.8, middle[0], middle[1]); }
    });
    window.addEventListener("resize", function () { picture.all(); });
    dark.addEventListener("change", function () { picture.soon(); });
  };

  Array.prototype.forEach.call(document.querySelectorAll("[data-graph]"), function (box) {
    window.fetch(box.getAttribute("data-graph"), { credentials: "same-origin" }).then(function (answer) {
      if (!answer.ok) { throw new Error(answer.statusText); }
      return answer.json();
    }).then(function (data) { if (data.nodes.length) { box.picture = new Picture(box, data); } }).catch(function () {
      var details = document.querySelector(".graph-tables");
      if (details) { details.open = true; }  // the tables say the same
    });
  });
}());
