"use strict";
/* Everything a report does by itself: themes, plots, sorting, CSV, and paper. Nothing is asked of any other machine. */
(function () {
  var root = document.documentElement;
  var data = JSON.parse(document.getElementById("data").textContent);
  var words = data.words;

  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  // Plots ------------------------------------------------------------------------------------------------------------

  /* Streamlit's template holds colours that stand for others until it is known whether the page is dark. */
  function coloured(text, dark) {
    var theme = dark ? data.dark : data.light;
    return text.replace(/#0000(\d\d)/g, function (whole, number) {
      var n = Number(number);
      if (n >= 1 && n <= 10) return data.categorical[(n - 1) % data.categorical.length];
      if (n >= 11 && n <= 20) return data.sequential[n - 11];
      if (n >= 21 && n <= 30) return data.diverging[n - 21];
      return { "32": theme.green, "33": theme.red, "34": theme.blue, "36": theme.muted, "37": theme.ink,
               "38": theme.paper, "39": theme.line, "40": theme.soft }[String(n)] || whole;
    });
  }

  function themed(figure, dark) {
    var theme = dark ? data.dark : data.light;
    var axis = {
      gridcolor: theme.line, zerolinecolor: theme.line, tickcolor: theme.line, automargin: true,
      tickfont: { color: theme.muted, size: 12 }, title: { font: { color: theme.muted, size: 13 } }
    };
    var base = {
      font: { color: theme.ink, family: getComputedStyle(document.body).fontFamily, size: 12 },
      paper_bgcolor: theme.paper, plot_bgcolor: theme.paper,
      title: { font: { color: theme.ink, size: 15 }, x: 0, xanchor: "left" },
      xaxis: Object.assign({ showgrid: false, zeroline: false }, axis), yaxis: axis,
      polar: { bgcolor: theme.paper, radialaxis: axis, angularaxis: axis },
      legend: { font: { color: theme.muted, size: 12 }, bgcolor: "rgba(0,0,0,0)" },
      hoverlabel: { bgcolor: theme.soft, bordercolor: theme.line, font: { color: theme.ink, size: 12 } },
      coloraxis: { colorbar: { thickness: 16, outlinewidth: 0, tickfont: { color: theme.muted } } }
    };
    var template = figure.layout.template || (figure.layout.template = {});
    template.layout = merged(template.layout || {}, base);
    return figure;
  }

  function merged(one, other) {
    var all = Object.assign({}, one);
    Object.keys(other).forEach(function (key) {
      var both = [one[key], other[key]].every(function (x) { return x && typeof x === "object" && !Array.isArray(x); });
      all[key] = both ? merged(one[key], other[key]) : other[key];
    });
    return all;
  }

  var places = Array.from(document.querySelectorAll(".plot"));
  var ready = false;

  /* On the screen as wide as there is room, on paper as wide as that is, with type as large as the text's. */
  function drawPlots(onPaper) {
    if (!ready) return Promise.resolve();
    var dark = !onPaper && isDark();
    return Promise.all(places.map(function (place, i) {
      var plot = data.plots[i];
      var figure = JSON.parse(coloured(plot.spec, dark));
      if (plot.themed) themed(figure, dark);
      var height = figure.layout.height || 450;
      if (onPaper) height = Math.min(height, size().height);
      // A map with many columns keeps the width its names need, and is moved sideways on a phone.
      var least = (figure.layout.meta || {}).least || 0;
      var wide = !onPaper && least > place.clientWidth;
      figure.layout.autosize = !onPaper && !wide;
      figure.layout.width = onPaper ? widthFor(place) : wide ? least : undefined;
      figure.layout.height = height;
      place.style.minHeight = height + "px";
      return window.Plotly.react(place, figure.data, figure.layout, {
        responsive: true, displaylogo: false, modeBarButtonsToRemove: ["sendDataToCloud", "select2d", "lasso2d"]
      });
    }));
  }

  function say(sentence) {
    places.forEach(function (place) { place.textContent = sentence; });
  }

  function loadPlots() {
    if (!places.length) return Promise.resolve();
    if (typeof DecompressionStream === "undefined") { say(words.old); return Promise.resolve(); }
    var packed = atob(document.getElementById("plotly").textContent.trim());
    var bytes = new Uint8Array(packed.length);
    for (var i = 0; i < packed.length; i++) bytes[i] = packed.charCodeAt(i);
    var stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text().then(function (code) {
      // The text's hash stands in the policy at the top of this file: no other script could be added so.
      var script = document.createElement("script");
      script.textContent = code;
      document.head.appendChild(script);
      if (!window.Plotly) throw new Error("blocked");
      ready = true;
      return drawPlots();
    }).catch(function () { say(words.old); });
  }

  // Tables -----------------------------------------------------------------------------------------------------------

  function valueOf(cell) {
    return cell.dataset.v !== undefined ? cell.dataset.v : cell.textContent;
  }

  /* Blanks last either way; a table that was sorted keeps the order it had before among equals. */
  function sort(table, column, descending) {
    var body = table.tBodies[0];
    var numeric = table.tHead.rows[0].cells[column].classList.contains("n");
    var rows = Array.from(body.rows).map(function (row, i) {
      var text = valueOf(row.cells[column]);
      return { row: row, place: i, blank: text === "", key: numeric ? Number(text) : text.toLowerCase() };
    });
    rows.sort(function (a, b) {
      if (a.blank !== b.blank) return a.blank ? 1 : -1;
      var order = a.blank || a.key === b.key ? 0 : a.key < b.key ? -1 : 1;
      return (descending ? -order : order) || a.place - b.place;
    });
    rows.forEach(function (each) { body.appendChild(each.row); });
    Array.from(table.tHead.rows[0].cells).forEach(function (head, i) {
      if (i === column) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  /* A text that a spreadsheet would run as a formula gets a quote in front, as in the dashboard's own CSV. */
  function field(text, number) {
    if (!number && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  function csvOf(table) {
    var heads = Array.from(table.tHead.rows[0].cells);
    var lines = [heads.map(function (head) { return field(head.dataset.name, false); })];
    Array.from(table.tBodies[0].rows).forEach(function (row) {
      lines.push(Array.from(row.cells).map(function (cell, i) {
        return field(valueOf(cell), heads[i].classList.contains("n"));
      }));
    });
    return lines.map(function (line) { return line.join(","); }).join("\n") + "\n";
  }

  function handOver(name, text) {
    var link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    link.download = name;
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 10000);
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("button");
    if (!button) return;
    if (button.closest("thead")) {
      var head = button.closest("th");
      var first = head.classList.contains("n") ? "descending" : "ascending"; // big numbers first, texts from A
      var now = head.getAttribute("aria-sort");
      sort(head.closest("table"), head.cellIndex, now ? now === "ascending" : first === "descending");
    } else if (button.dataset.csv) {
      handOver(button.dataset.csv + ".csv", csvOf(button.closest(".sheet").querySelector(".scroll table")));
    } else if (button.id === "theme") {
      root.dataset.theme = isDark() ? "light" : "dark";
      drawPlots();
    } else if (button.id === "print") {
      toPaper().then(function () { window.print(); });
    }
  });

  // Paper ------------------------------------------------------------------------------------------------------------

  // What there is between the margins of report.css, in millimetres, and how many rows of a table a slide has.
  var SIZES = {
    portrait: { width: 186, height: 260, rows: Infinity },
    landscape: { width: 273, height: 175, rows: Infinity },
    slides: { width: 310, height: 155, rows: 12 }
  };
  var paper = document.getElementById("paper");

  /* The chosen paper's room in pixels. */
  function size() {
    var chosen = SIZES[paper.value], pixels = 96 / 25.4;
    return { width: chosen.width * pixels, height: chosen.height * pixels, rows: chosen.rows };
  }

  /* The room of what may stand beside another: side by side on paper are two. */
  function widthFor(element) {
    return element.parentElement.closest(".row") ? size().width / 2 - 16 : size().width - 16;
  }

  function choosePaper() {
    root.classList.remove("portrait", "landscape", "slides");
    root.classList.add(paper.value);
  }

  /* The widths that the columns of a table take on paper. */
  function measured(table, room) {
    var copy = table.cloneNode(true);
    copy.style.width = "auto";
    room.appendChild(copy);
    var widths = Array.from(copy.tHead.rows[0].cells).map(function (cell) { return cell.getBoundingClientRect().width; });
    copy.remove();
    return widths;
  }

  /* Columns of each part: the first ones again, and as many of the others as there is room for. */
  function parted(widths, first, most) {
    var lead = [], used = 0, parts = [];
    for (var i = 0; i < first && used + widths[i] <= most * 0.6; i++) { lead.push(i); used += widths[i]; }
    var columns = [], taken = used;
    for (var j = lead.length; j < widths.length; j++) {
      if (columns.length && taken + widths[j] > most) {
        parts.push(lead.concat(columns));
        columns = [];
        taken = used;
      }
      columns.push(j);
      taken += widths[j];
    }
    parts.push(lead.concat(columns));
    return parts;
  }

  function partOf(table, columns, rows, caption) {
    var part = document.createElement("table");
    if (caption) part.createCaption().textContent = caption;
    [["thead", table.tHead.rows], ["tbody", rows]].forEach(function (both) {
      var section = document.createElement(both[0]);
      Array.from(both[1]).forEach(function (row) {
        var copy = row.cloneNode(false);
        columns.forEach(function (column) { copy.appendChild(row.cells[column].cloneNode(true)); });
        section.appendChild(copy);
      });
      part.appendChild(section);
    });
    return part;
  }

  /* Tables that are wider than the paper are laid out anew, in parts below one another: no column is lost. A slide has
     the first rows of each, and says so. */
  function partTables() {
    var room = document.createElement("div");
    room.className = "measure paper";
    document.body.appendChild(room);
    document.querySelectorAll(".sheet").forEach(function (sheet) {
      var table = sheet.querySelector(".scroll table");
      var parts = sheet.querySelector(".parts");
      var most = widthFor(sheet);
      var widths = measured(table, room);
      var rows = Array.from(table.tBodies[0].rows);
      var shown = rows.slice(0, size().rows);
      var total = widths.reduce(function (sum, width) { return sum + width; }, 0);
      parts.replaceChildren();
      sheet.classList.toggle("parted", total > most || shown.length < rows.length);
      if (!sheet.classList.contains("parted")) return;
      var first = Math.max(1, table.tHead.rows[0].querySelectorAll(".pinned").length);
      var all = parted(widths, first, most);
      all.forEach(function (columns, i) {
        var caption = all.length > 1 ? words.part.replace("{n}", i + 1).replace("{total}", all.length) : "";
        parts.appendChild(partOf(table, columns, shown, caption));
      });
      if (shown.length < rows.length) {
        var note = document.createElement("p");
        note.textContent = words.cut.replace("{n}", shown.length).replace("{total}", rows.length);
        parts.appendChild(note);
      }
    });
    room.remove();
  }

  function toPaper() {
    choosePaper();
    partTables();
    return drawPlots(true);
  }

  addEventListener("beforeprint", toPaper);
  addEventListener("afterprint", function () { drawPlots(); });

  paper.addEventListener("change", function () { choosePaper(); partTables(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () { drawPlots(); });
  choosePaper();
  loadPlots().then(function () { root.dataset.ready = "true"; });
})();
