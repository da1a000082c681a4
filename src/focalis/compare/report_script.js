"use strict";

const plots = JSON.parse(document.getElementById("plots").textContent);
const lossButtons = [...document.querySelectorAll("button.loss")];
const classPicker = document.getElementById("class-picker");

function draw(id) {
  const { layout, traces } = plots[id];
  const shown = new Set(
    lossButtons.filter((b) => b.getAttribute("aria-pressed") === "true").map((b) => +b.dataset.loss)
  );
  const picked = classPicker ? +classPicker.value : null;
  const data = traces
    .filter((t) => t.loss === null || shown.has(t.loss))
    .filter((t) => t.class === null || t.class === picked)
    .map((t) => t.data);
  return drawPlot(id, data, layout);
}

function drawAll() {
  return Promise.all(Object.keys(plots).filter((id) => document.getElementById(id)).map(draw));
}

for (const button of lossButtons) {
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    drawAll();
  });
}
document.getElementById("show-all").addEventListener("click", () => {
  for (const button of lossButtons) button.setAttribute("aria-pressed", "true");
  drawAll();
});
if (classPicker) classPicker.addEventListener("change", drawAll);

// Missing numbers come last in either direction.
function sortBy(heading) {
  const table = heading.closest("table");
  const column = heading.cellIndex;
  const direction = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const value = (row) => parseFloat(row.cells[column].dataset.sort ?? "NaN");
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return sign * (x - y);
  });
  table.tBodies[0].append(...rows);
}
for (const button of document.querySelectorAll("button.sort")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}

// Paper is narrower than the screen, and would cut off the plots.
addEventListener("beforeprint", () => {
  for (const id of Object.keys(plots)) {
    const plot = document.getElementById(id);
    if (plot) Plotly.Plots.resize(plot);
  }
});

drawAll().then(() => document.documentElement.setAttribute("data-drawn", "yes"));
