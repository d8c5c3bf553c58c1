// SPDX-License-Identifier: BSD-3-Clause
"use strict";
// Sorts and filters the table of machines, and says what the marks of the figures are.
(() => {
  const table = document.getElementById("machines");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  const nameOf = (row) => row.cells[0].textContent + " " + row.dataset.name;
  const valueOf = (cell) => cell.dataset.v ?? cell.textContent;
  const ofRow = new Map(rows.map((row) => [row.id, []]));
  for (const mark of document.querySelectorAll("[data-row]")) {
    ofRow.get("m" + mark.dataset.row).push(mark);
  }

  // Sorting: numbers before text, cells without a value last.
  const rank = (text) => (text === "" ? 2 : Number.isNaN(Number(text)) ? 1 : 0);
  const compare = (a, b) => {
    const kinds = rank(a) - rank(b);
    if (kinds) return kinds;
    return rank(a) ? a.localeCompare(b) : Number(a) - Number(b);
  };
  const sortBy = (place) => {
    const heading = headings[place];
    const falling = heading.getAttribute("aria-sort") === "ascending";
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const value = (row) => valueOf(row.cells[place]);
    const sorted = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      const order = compare(x, y);
      return falling && x !== "" && y !== "" ? -order : order;
    });
    body.append(...sorted);
  };
  headings.forEach((heading, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(place));
    heading.append(button);
  });

  // Filters: all words are in the row, and numbers lie in their ranges.
  const form = document.getElementById("filters");
  const words = document.getElementById("words");
  const count = document.getElementById("count");
  const ranges = [];
  headings.forEach((heading, place) => {
    if (heading.dataset.kind !== "number") return;
    const field = document.createElement("fieldset");
    const legend = document.createElement("legend");
    legend.textContent = heading.textContent;
    const ends = ["from", "to"].map((end) => {
      const input = document.createElement("input");
      input.type = "number";
      input.step = "any";
      input.placeholder = end;
      input.setAttribute("aria-label", heading.textContent + ", " + end);
      return input;
    });
    field.append(legend, ...ends);
    document.getElementById("ranges").append(field);
    ranges.push({ place, ends });
  });
  const texts = new Map(rows.map((row) => {
    const cells = [...row.cells].map(valueOf);
    return [row, (nameOf(row) + " " + cells.join(" ")).toLowerCase()];
  }));
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/);
    const limits = ranges.map(({ place, ends }) => [place, ...ends.map((end) => end.valueAsNumber)])
      .filter(([, low, high]) => !Number.isNaN(low) || !Number.isNaN(high));
    let left = 0;
    for (const row of rows) {
      const inside = limits.every(([place, low, high]) => {
        const text = valueOf(row.cells[place]);
        return text !== "" && !(Number(text) < low) && !(Number(text) > high);
      });
      row.hidden = !inside || !wanted.every((word) => texts.get(row).includes(word));
      if (!row.hidden) left += 1;
      for (const mark of ofRow.get(row.id)) mark.classList.toggle("off", row.hidden);
    }
    count.textContent = left + " of " + rows.length + " machines";
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("everything").addEventListener("click", () => {
    form.reset();
    filter();
  });
  form.hidden = false;
  filter();

  // Tips: of the mark under the pointer or near it, or of the one that arrow keys have reached.
  const tip = document.getElementById("tip");
  const NEAR = 12;
  let current = null;
  const light = (mark, on) => {
    const row = mark.dataset.row && document.getElementById("m" + mark.dataset.row);
    for (const own of row ? ofRow.get(row.id) : [mark]) own.classList.toggle("lit", on);
    if (row) row.classList.toggle("lit", on);
  };
  const hide = () => {
    if (current) light(current, false);
    current = null;
    tip.hidden = true;
  };
  const show = (mark) => {
    if (mark === current) return;
    hide();
    current = mark;
    light(mark, true);
    const row = mark.dataset.row && document.getElementById("m" + mark.dataset.row);
    const name = document.createElement("b");
    name.textContent = row ? nameOf(row) + "\n" : "";
    tip.replaceChildren(name, mark.dataset.tip);
    tip.hidden = false;
    const box = mark.getBoundingClientRect();
    const [width, height] = [tip.offsetWidth, tip.offsetHeight];
    const room = document.documentElement.clientWidth - width - 8;
    const above = box.top - height - 10;
    tip.style.left = Math.max(8, Math.min(room, (box.left + box.right - width) / 2)) + "px";
    tip.style.top = (above > 8 ? above : box.bottom + 10) + "px";
  };
  const distance = (mark, x, y) => {
    const box = mark.getBoundingClientRect();
    const outside = Math.hypot(
      Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom));
    const middle = Math.hypot((box.left + box.right) / 2 - x, (box.top + box.bottom) / 2 - y);
    return outside > NEAR ? Infinity : outside + middle / 1000;
  };
  const toRow = (mark) => {
    const row = mark && mark.dataset.row && document.getElementById("m" + mark.dataset.row);
    if (row && !row.hidden) row.scrollIntoView({ block: "center" });
  };
  for (const plot of document.querySelectorAll(".plot")) {
    const own = [...plot.querySelectorAll(".mark")];
    const left = (mark) => mark.getBoundingClientRect().left;
    const shown = () => own.filter((mark) => !mark.classList.contains("off"));
    plot.addEventListener("pointermove", (event) => {
      let [nearest, least] = [null, Infinity];
      for (const mark of shown()) {
        const far = distance(mark, event.clientX, event.clientY);
        if (far < least) [nearest, least] = [mark, far];
      }
      if (nearest) show(nearest);
      else hide();
    });
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);
    plot.addEventListener("click", () => toRow(current));
    plot.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hide();
      if (event.key === "Enter") toRow(current);
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const order = shown().sort((a, b) => left(a) - left(b));
      if (!step || !order.length) return;
      event.preventDefault();
      const from = order.indexOf(current);
      const next = from < 0 ? (step > 0 ? 0 : order.length - 1) : from + step;
      show(order[(next + order.length) % order.length]);
    });
  }
  addEventListener("scroll", hide, { passive: true });
  for (const row of rows) {
    for (const [event, on] of [["pointerenter", true], ["pointerleave", false]]) {
      row.addEventListener(event, () => {
        for (const mark of ofRow.get(row.id)) mark.classList.toggle("lit", on);
      });
    }
  }
})();
