// Reads values out, under the pointer and from the keyboard. The page is complete without it.
"use strict";

(() => {
  const readings = JSON.parse(document.getElementById("readings").textContent);
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const whole = (value) => value.toLocaleString("en-US");
  const MOVES = {
    ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0],
    Home: [0, -Infinity], End: [0, Infinity],
  };

  /** Where a key leads in a grid, or null when the key is not ours. */
  function moved(event, row, column, rows, columns) {
    const move = event.ctrlKey || event.altKey || event.metaKey ? undefined : MOVES[event.key];
    if (!move) return null;
    event.preventDefault();
    return [clamp(row + move[0], 0, rows - 1), clamp(column + move[1], 0, columns - 1)];
  }

  // Curves: the epoch nearest to the pointer, read out in the legend.
  function readCurves(figure, data) {
    const drawing = figure.querySelector("svg[role]");
    const cursor = drawing.querySelector(".cursor");
    const pointers = [...drawing.querySelectorAll(".pointer")];
    const when = figure.querySelector(".when");
    const values = [...figure.querySelectorAll(".key b")];
    const last = data.x.length - 1;
    let index = last;

    function write(at) {
      when.textContent = data.epochs[at];
      values.forEach((value, i) => { value.textContent = data.series[i].text[at]; });
      const words = data.series.map((series) => `${series.name} ${series.text[at]}`.trim());
      drawing.setAttribute("aria-valuenow", at);
      drawing.setAttribute("aria-valuetext", `${data.epochs[at]}: ${words.join(", ")}`);
    }

    function show(at) {
      index = at;
      write(at);
      cursor.setAttribute("visibility", "visible");
      cursor.setAttribute("transform", `translate(${data.x[at]} 0)`);
      pointers.forEach((pointer, i) => {
        const y = data.series[i].y[at];
        pointer.setAttribute("visibility", y === null ? "hidden" : "visible");
        if (y !== null) pointer.setAttribute("transform", `translate(${data.x[at]} ${y})`);
      });
    }

    function clear() {
      write(last);
      for (const mark of [cursor, ...pointers]) mark.setAttribute("visibility", "hidden");
    }

    function follow(event) {
      const box = drawing.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * drawing.viewBox.baseVal.width;
      const distances = data.x.map((place) => Math.abs(place - x));
      show(distances.indexOf(Math.min(...distances)));
    }

    drawing.tabIndex = 0;
    drawing.setAttribute("role", "slider");
    drawing.setAttribute("aria-valuemin", 0);
    drawing.setAttribute("aria-valuemax", last);
    write(last);
    drawing.addEventListener("pointermove", follow);
    drawing.addEventListener("pointerdown", follow);
    drawing.addEventListener("pointerleave", clear);
    drawing.addEventListener("focus", () => show(index));
    drawing.addEventListener("blur", clear);
    drawing.addEventListener("keydown", (event) => {
      const place = moved(event, 0, index, 1, last + 1);
      if (place) show(place[1]);
    });
  }

  function describeCount(row, column) {
    const { names, counts } = readings.confusion;
    const total = counts[row].reduce((sum, count) => sum + count, 0);
    const share = total ? ` (${((100 * counts[row][column]) / total).toFixed(2)}%)` : "";
    const numbers = `${whole(counts[row][column])} of ${whole(total)}${share}`;
    return `${names[row]} taken for ${names[column]}: ${numbers}`;
  }

  // Confusion table: one cell at a time is in the tab order; arrows move on from it.
  function readTable(table, readout) {
    const cells = [...table.tBodies[0].rows].map((row) => [...row.cells].slice(1));
    let current = cells[0][0];
    current.tabIndex = 0;

    function show(row, column) {
      table.querySelectorAll(".over").forEach((cell) => cell.classList.remove("over"));
      cells[row][column].classList.add("over");
      readout.textContent = describeCount(row, column);
    }

    cells.forEach((line, row) => line.forEach((cell, column) => {
      cell.addEventListener("pointerenter", () => show(row, column));
      cell.addEventListener("focus", () => show(row, column));
      cell.addEventListener("keydown", (event) => {
        const place = moved(event, row, column, cells.length, cells.length);
        if (!place) return;
        current.tabIndex = -1;
        current = cells[place[0]][place[1]];
        current.tabIndex = 0;
        current.focus();
      });
    }));
  }

  // Pictures: a frame marks the pixel that is read out.
  function readPicture(image, rows, columns, describe, readout) {
    const mark = document.createElement("div");
    let [row, column] = [rows >> 1, columns >> 1];
    mark.className = "mark";
    mark.hidden = true;
    mark.style.width = `${100 / columns}%`;
    mark.style.height = `${100 / rows}%`;
    image.after(mark);

    function show(toRow, toColumn) {
      [row, column] = [toRow, toColumn];
      mark.hidden = false;
      mark.style.top = `${(100 * row) / rows}%`;
      mark.style.left = `${(100 * column) / columns}%`;
      readout.textContent = describe(row, column);
    }

    function follow(event) {
      const box = image.getBoundingClientRect();
      show(
        clamp(Math.floor(((event.clientY - box.top) / box.height) * rows), 0, rows - 1),
        clamp(Math.floor(((event.clientX - box.left) / box.width) * columns), 0, columns - 1),
      );
    }

    const hide = () => { mark.hidden = true; };
    image.tabIndex = 0;
    image.setAttribute("role", "application");
    image.setAttribute("aria-label", `${image.alt}; arrow keys read single values`);
    image.addEventListener("pointermove", follow);
    image.addEventListener("pointerdown", follow);
    image.addEventListener("pointerleave", hide);
    image.addEventListener("focus", () => show(row, column));
    image.addEventListener("blur", hide);
    image.addEventListener("keydown", (event) => {
      const place = moved(event, row, column, rows, columns);
      if (place) show(...place);
    });
  }

  const signed = (value) => {
    if (value === null) return "not finite";
    return `${value > 0 ? "+" : ""}${value}`.replace("-", "\u2212");
  };

  function describeWeight({ label, weights }, row, column) {
    const value = weights[row][column];
    const colors = ["red", "green", "blue"];
    const text = Array.isArray(value)
      ? value.map((part, i) => `${colors[i]} ${signed(part)}`).join(", ")
      : signed(value);
    return `${label}, row ${row + 1}, column ${column + 1}: ${text}`;
  }

  for (const [name, data] of Object.entries(readings.curves)) {
    readCurves(document.getElementById(name), data);
  }

  const confusion = document.getElementById("confusion");
  if (confusion && readings.confusion.counts) {
    const size = readings.confusion.counts.length;
    const readout = document.querySelector(".matrix .readout");
    if (confusion.tagName === "TABLE") readTable(confusion, readout);
    else readPicture(confusion, size, size, describeCount, readout);
  }

  readings.pictures.forEach((picture, i) => {
    if (!picture.weights) return;
    const image = document.querySelector(`[data-picture="${i}"]`);
    const describe = (row, column) => describeWeight(picture, row, column);
    const readout = image.closest(".learned").querySelector(".readout");
    readPicture(image, picture.weights.length, picture.weights[0].length, describe, readout);
  });

  // Light or dark, other than the system has it; the choice is kept where the browser allows.
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const button = document.createElement("button");
  const isDark = () => (root.style.colorScheme || (system.matches ? "dark" : "light")) === "dark";
  const label = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  const KEY = "chainrule-report-scheme";

  function remember(scheme) {
    try { localStorage.setItem(KEY, scheme); } catch { /* Private windows have no storage. */ }
  }

  function remembered() {
    try { return localStorage.getItem(KEY); } catch { return null; }
  }

  if (["light", "dark"].includes(remembered())) root.style.colorScheme = remembered();
  button.type = "button";
  button.className = "scheme";
  button.setAttribute("aria-label", "Switch between light and dark");
  button.addEventListener("click", () => {
    root.style.colorScheme = isDark() ? "light" : "dark";
    remember(root.style.colorScheme);
    label();
  });
  system.addEventListener("change", label);
  label();
  document.querySelector("header").prepend(button);
})();
