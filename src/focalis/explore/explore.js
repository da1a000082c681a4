"use strict";

// No formula stands here: `traced` holds what Python's definitions do, written down by tracing them.
const described = JSON.parse(document.getElementById("described").textContent);
const MOST = 7;
const element = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// The losses that are shown; the first is cross-entropy, which the others are held against.
let counter = 0;
function newLoss(family, values = {}) {
  const parameters = described.families[family].parameters;
  return {
    id: counter++,
    family,
    values: Object.fromEntries(parameters.map((p) => [p.name, values[p.name] ?? p.value])),
  };
}
const baseline = newLoss("cross_entropy");
const losses = [baseline, newLoss("focal"), newLoss("focal_star", { beta: 1 })];

const about = (loss) => described.families[loss.family];
const numbersOf = (loss) => about(loss).parameters.map((p) => loss.values[p.name]);
const shown = (x) => String(x).replace("-", "−");

function nameOf(loss) {
  const parts = about(loss).parameters.map((p) => `${p.letter} = ${shown(loss.values[p.name])}`);
  return [about(loss).title, parts.join(", ")].filter(Boolean).join(" ");
}

function styleOf(position) {
  if (position === 0) return { color: described.baseline, dash: "solid", width: 3.5 };
  const { colours, dashes } = described;
  const at = position - 1;
  return { color: colours[at % colours.length], dash: dashes[at % dashes.length], width: 2.5 };
}

function swatch(position) {
  const { color, dash, width } = styleOf(position);
  const pattern = { solid: null, dash: "7 3", dot: "2 3", dashdot: "7 3 2 3" }[dash];
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const line = document.createElementNS(space, "line");
  for (const [k, v] of [["class", "swatch"], ["viewBox", "0 0 28 10"], ["aria-hidden", "true"]]) svg.setAttribute(k, v);
  for (const [k, v] of [["x1", 0], ["x2", 28], ["y1", 5], ["y2", 5], ["stroke", color], ["stroke-width", width]]) line.setAttribute(k, v);
  if (pattern) line.setAttribute("stroke-dasharray", pattern);
  svg.append(line);
  return svg;
}

// Cards: a family and its sliders.
function inside(parameter, value) {
  const [, left, low, high, right] = parameter.range.match(/([[(])\s*(\S+)\s*,\s*(\S+)\s*([\])])/);
  const bound = (text) => (text.endsWith("inf") ? (text[0] === "-" ? -Infinity : Infinity) : Number(text));
  const above = left === "[" ? value >= bound(low) : value > bound(low);
  const below = right === "]" ? value <= bound(high) : value < bound(high);
  return Number.isFinite(value) && above && below;
}

function parameterRow(loss, parameter) {
  const id = `loss-${loss.id}-${parameter.name}`;
  const value = loss.values[parameter.name];
  const common = { step: parameter.step, value };
  const range = make("input", { type: "range", id, min: parameter.low, max: parameter.high, ...common });
  const number = make("input", {
    type: "number",
    step: "any",
    value,
    inputmode: "decimal",
    "aria-label": `${parameter.name} of ${about(loss).title}, in ${parameter.range}`,
  });
  const problem = make("small", { class: "range", role: "status" });
  const accept = (from, other) => {
    const typed = from.value.trim() === "" ? NaN : Number(from.value);
    const good = inside(parameter, typed);
    number.setAttribute("aria-invalid", String(!good));
    problem.textContent = good ? "" : `expected a number in ${parameter.range}`;
    if (!good) return;
    loss.values[parameter.name] = typed;
    other.value = typed;
    update();
  };
  range.addEventListener("input", () => accept(range, number));
  number.addEventListener("input", () => accept(number, range));
  const label = make("label", { for: id, title: parameter.name }, parameter.letter);
  return make("div", { class: "parameter" }, label, range, number, problem);
}

function card(loss, position) {
  const title = make("div", { class: "title" }, swatch(position));
  if (position === 0) {
    title.append(make("b", {}, about(loss).title));
  } else {
    const select = make("select", { "aria-label": `Loss ${position}` });
    for (const [name, family] of Object.entries(described.families)) {
      if (name === baseline.family) continue;
      select.append(make("option", { value: name, selected: name === loss.family }, family.title));
    }
    select.addEventListener("change", () => {
      Object.assign(loss, newLoss(select.value));
      showCards();
      element("cards").children[position].querySelector("select").focus();
      update();
    });
    const remove = make("button", { type: "button", class: "remove", "aria-label": `Remove ${about(loss).title}` }, "×");
    remove.addEventListener("click", () => {
      losses.splice(losses.indexOf(loss), 1);
      showCards();
      element("add").focus();
      update();
    });
    title.append(select, remove);
  }
  const made = make("div", { class: "card", role: "group", "aria-label": nameOf(loss) }, title);
  made.append(...about(loss).parameters.map((p) => parameterRow(loss, p)));
  made.append(make("p", { class: "summary" }, about(loss).summary));
  return made;
}

function showCards() {
  element("cards").replaceChildren(...losses.map(card));
  const full = losses.length >= MOST;
  element("add").disabled = full;
  element("add").textContent = full ? `${MOST} losses are the most` : "Add a loss";
}
element("add").addEventListener("click", () => {
  const known = Object.keys(described.families);
  const unseen = known.find((family) => losses.every((loss) => loss.family !== family));
  losses.push(newLoss(unseen ?? "focal"));
  showCards();
  element("cards").lastElementChild.querySelector("select").focus();
  update();
});

// Curves.
const margins = Array.from({ length: 321 }, (_, i) => -8 + i * 0.05);
const probabilities = Array.from({ length: 399 }, (_, i) => (i + 1) / 400);
const logits = probabilities.map((p) => Math.log(p) - Math.log1p(-p));
const finite = (x) => (Number.isFinite(x) ? x : null);

function termsAt(loss, points) {
  const numbers = numbersOf(loss);
  return points.map((m) => traced[loss.family].terms(m, ...numbers));
}

// Where the slope is the same at m and −m the minimiser does not say how likely a class is.
function posteriorOf(loss) {
  const numbers = numbersOf(loss);
  const found = logits.map((x) => traced[loss.family].posterior(x, ...numbers)[0]);
  return found.every((p) => Math.abs(p - 0.5) < 1e-9) ? null : found;
}

function line(loss, position, x, y, text) {
  return {
    type: "scatter",
    mode: "lines",
    name: nameOf(loss),
    x,
    y: y.map(finite),
    line: styleOf(position),
    hovertemplate: `<b>${nameOf(loss)}</b><br>${text}<extra></extra>`,
  };
}

function drawCurves() {
  const byMargin = { title: { text: "margin" }, zeroline: true, zerolinewidth: 2, range: [-8, 8] };
  const byProbability = { title: { text: "probability of the truth" }, range: [0, 1] };
  const terms = losses.map((loss) => termsAt(loss, margins));
  const drawn = ["value", "slope", "curvature"].map((part, k) => {
    const traces = losses.map((loss, i) =>
      line(loss, i, margins, terms[i].map((t) => t[k]), `margin %{x:.2f}<br>${part} %{y:.4g}`)
    );
    const title = { text: part === "value" ? "loss" : part };
    return drawPlot(`plot-${part}`, traces, { xaxis: byMargin, yaxis: { title } });
  });
  const ordinary = termsAt(baseline, logits).map((t) => t[0]);
  const ratios = losses.map((loss) => termsAt(loss, logits).map((t, j) => ordinary[j] / t[0]));
  const ratioLines = losses.map((loss, i) =>
    line(loss, i, probabilities, ratios[i], "p %{x:.3f}<br>%{y:.4g} times less")
  );
  const all = ratios.flat().filter((r) => Number.isFinite(r) && r > 0);
  // Towards p = 1 it grows without bound, and would squash everything else.
  const ends = [Math.min(...all) / 1.5, Math.min(Math.max(...all) * 1.5, 1e6)].map(Math.log10);
  const ratioAxis = { title: { text: "times" }, type: "log", range: ends, exponentformat: "power", dtick: 1 };
  drawn.push(drawPlot("plot-ratio", ratioLines, { xaxis: byProbability, yaxis: ratioAxis }));
  const posteriors = losses.map(posteriorOf);
  const text = "sigmoid %{x:.3f}<br>stands for %{y:.4f}";
  const posteriorLines = losses.flatMap((loss, i) =>
    posteriors[i] ? [line(loss, i, probabilities, posteriors[i], text)] : []
  );
  const unit = { range: [0, 1] };
  drawn.push(
    drawPlot("plot-posterior", posteriorLines, {
      xaxis: { ...unit, title: { text: "sigmoid of the trained logit" } },
      yaxis: { ...unit, title: { text: "posterior" } },
    })
  );
  const lost = losses.filter((_, i) => !posteriors[i]).map(nameOf);
  element("undetermined").textContent = lost.length ? `Not determined by ${lost.join(", ")}.` : "";
  return Promise.all(drawn);
}

// Your numbers.
const link = () => document.querySelector("input[name=link]:checked").value;

function readNumbers(text, what) {
  const words = text.replaceAll("−", "-").split(/[\s,;]+/).filter(Boolean);
  const numbers = words.map(Number);
  const wrong = words.find((_, i) => !Number.isFinite(numbers[i]));
  if (!words.length) throw new Error(`${what}: expected numbers, got nothing`);
  if (wrong !== undefined) throw new Error(`${what}: expected numbers, got “${wrong}”`);
  return numbers;
}

function readInput() {
  const x = readNumbers(element("logits").value, "Logits");
  const given = readNumbers(element("target").value, "Target");
  const n = x.length;
  if (link() === "sigmoid") {
    if (given.length !== n) throw new Error(`Target: expected ${n} numbers in [0, 1], one for each logit, got ${given.length}`);
    const wrong = given.find((y) => y < 0 || y > 1);
    if (wrong !== undefined) throw new Error(`Target: expected numbers in [0, 1], got ${shown(wrong)}`);
    return { x, targets: given, y: given };
  }
  const [fewest, most] = described.classes;
  if (n < fewest || n > most) throw new Error(`Logits: a softmax here takes ${fewest} to ${most}, got ${n}`);
  if (given.length === 1) {
    if (!Number.isInteger(given[0]) || given[0] < 0 || given[0] >= n) {
      throw new Error(`Target: expected a class from 0 to ${n - 1}, got ${shown(given[0])}`);
    }
    return { x, targets: given[0], y: x.map((_, k) => Number(k === given[0])) };
  }
  if (given.length !== n) throw new Error(`Target: expected a class, or ${n} numbers, one for each class, got ${given.length}`);
  if (given.some((y) => y < 0)) throw new Error("Target: expected numbers of at least 0");
  return { x, targets: given, y: given };
}

// Loss, gradient, Hessian and posterior of a loss at the numbers that were typed.
function answer(loss, { x, y }) {
  const own = traced[loss.family];
  const numbers = numbersOf(loss);
  if (link() === "sigmoid") {
    const each = x.map((one, k) => own.sigmoid(one, y[k], 1 - y[k], ...numbers));
    const determined = posteriorOf(loss) !== null;
    return {
      values: each.map((e) => e[0]),
      gradient: each.map((e) => e[1]),
      hessian: each.map((e) => e[2]),
      posterior: x.map((one) => (determined ? own.posterior(one, ...numbers)[0] : NaN)),
    };
  }
  const n = x.length;
  const row = own.softmax[n](...x, ...y, ...numbers);
  const determined = posteriorOf(loss) !== null;
  return {
    values: [row[0]],
    gradient: row.slice(1, n + 1),
    hessian: row.slice(n + 1),
    posterior: determined ? own.posteriors[n](...x, ...numbers) : x.map(() => NaN),
  };
}

function written(x) {
  if (!Number.isFinite(x)) return "–";
  const size = Math.abs(x);
  const text = size !== 0 && (size < 1e-4 || size >= 1e5) ? x.toExponential(3) : x.toFixed(5);
  return text.replaceAll("-", "−");
}

let typed = null;
function showNumbers() {
  const problem = element("problem");
  const sigmoid = link() === "sigmoid";
  element("target-hint").textContent = sigmoid
    ? "numbers from 0 to 1, one for each logit"
    : "the class, from 0; or a number for each class";
  try {
    typed = readInput();
    problem.textContent = "";
  } catch (error) {
    problem.textContent = error.message;
    element("table").hidden = true;
    element("what").textContent = "";
    return;
  }
  element("table").hidden = false;
  const answers = losses.map((loss) => answer(loss, typed));
  const parts = sigmoid ? ["loss", "gradient", "Hessian", "posterior"] : ["gradient", "Hessian", "posterior"];
  const cells = (a, k) => [...(sigmoid ? [a.values[k]] : []), a.gradient[k], a.hessian[k], a.posterior[k]];
  const top = make("tr", {}, make("th", { rowspan: 2, scope: "col" }, sigmoid ? "question" : "class"), make("th", { rowspan: 2, scope: "col" }, "logit"));
  const below = make("tr");
  losses.forEach((loss, i) => {
    top.append(make("th", { colspan: parts.length, scope: "colgroup", class: "first" }, swatch(i), nameOf(loss)));
    below.append(...parts.map((part, j) => make("th", { scope: "col", class: j ? null : "first" }, part)));
  });
  const body = make("tbody");
  typed.x.forEach((x, k) => {
    const truth = !sigmoid && typed.y[k] > 0 && Number.isInteger(typed.targets) ? "truth" : null;
    const row = make("tr", { class: truth }, make("th", { scope: "row" }, String(k)), make("td", {}, shown(x)));
    for (const a of answers) row.append(...cells(a, k).map((c, j) => make("td", { class: j ? null : "first" }, written(c))));
    body.append(row);
  });
  const total = make("tr", {}, make("th", { scope: "row", colspan: 2 }, sigmoid ? "sum of the losses" : "loss"));
  for (const a of answers) {
    const sum = a.values.reduce((s, v) => s + v, 0);
    total.append(make("td", { colspan: parts.length, class: "first" }, written(sum)));
  }
  const what = sigmoid
    ? "Gradients and Hessians are of the sum of the losses. The posterior is the probability that a trained logit stands for: for cross-entropy its sigmoid."
    : "Gradients and the diagonal of the Hessian of the row’s loss. The posterior is what trained logits stand for: for cross-entropy their softmax.";
  const table = make("table", { class: "answers", "aria-describedby": "what" }, make("thead", {}, top, below), body, make("tfoot", {}, total));
  element("what").textContent = what;
  element("table").replaceChildren(table);
}

// Code to copy.
let tab = 0;
const python = (x) => (Number.isInteger(x) ? x.toFixed(1) : String(x));
const plain = (x) => String(x).replace(/^(-?)0\./, "$1.");

function code() {
  const loss = losses.find((one) => String(one.id) === element("used").value) ?? losses[0];
  const { module, parameters } = about(loss);
  const sigmoid = link() === "sigmoid";
  const given = parameters.map((p) => `${p.name}=${python(loss.values[p.name])}`).join(", ");
  const call = `${module ? "" : "margin."}${loss.family}(${given})`;
  const text = parameters.map((p) => `${p.name}=${plain(loss.values[p.name])}`).join(", ");
  const prefix = sigmoid ? "" : "softmax_";
  const input = typed ?? { x: [2, -1, 0.3], targets: sigmoid ? [1, 0, 1] : 0 };
  const list = (numbers) => `[${numbers.map(python).join(", ")}]`;
  const targets = Array.isArray(input.targets) ? list(input.targets) : String(input.targets);
  const numbers = sigmoid ? `${list(input.x)}, ${targets}` : `[${list(input.x)}], [${targets}]`;
  const classes = Math.max(input.x.length, 2);
  const filled = {
    import: module ? `from focalis import Loss\nfrom ${module} import ${loss.family}` : "from focalis import Loss, margin",
    module: module ? `import ${module}  # brings the margin loss` : "",
    loss: `Loss("${sigmoid ? "sigmoid" : "softmax"}", ${call})`,
    summed: sigmoid ? `Loss("sigmoid", ${call}, reduction="sum")` : `Loss("softmax", ${call})`,
    text: `${prefix}${loss.family}${text ? `(${text})` : ""}`,
    numbers,
    classes: String(input.x.length),
    labels: String(sigmoid ? 2 : classes),
    boosted: sigmoid ? "" : `, "num_class": ${classes}`,
    counted: sigmoid ? "" : `, "classes_count": ${classes}`,
  };
  const { template: everyones, own } = described.snippets[tab];
  const template = (module && own) || everyones;
  return template.replace(/\$(\w+)/g, (_, name) => filled[name]).replace(/^\n(?=\n)/gm, "");
}

function showCode() {
  const used = element("used");
  const before = used.value;
  used.replaceChildren(...losses.map((loss) => make("option", { value: loss.id }, nameOf(loss))));
  const kept = losses.some((loss) => String(loss.id) === before);
  used.value = kept ? before : String(losses[Math.min(1, losses.length - 1)].id);
  element("code").textContent = code();
}

const tabs = [...document.querySelectorAll("[role=tab]")];
function chooseTab(i) {
  tab = (i + tabs.length) % tabs.length;
  tabs.forEach((one, k) => {
    one.setAttribute("aria-selected", String(k === tab));
    one.tabIndex = k === tab ? 0 : -1;
  });
  element("code").setAttribute("aria-labelledby", tabs[tab].id);
  element("code").textContent = code();
}
tabs.forEach((one, i) => {
  one.addEventListener("click", () => chooseTab(i));
  one.addEventListener("keydown", (event) => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    chooseTab(to);
    tabs[tab].focus();
  });
});
element("used").addEventListener("change", () => (element("code").textContent = code()));
element("copy").addEventListener("click", async () => {
  const text = element("code").textContent;
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    // A page opened from disk may be denied the clipboard: the old way needs no permission.
    getSelection().selectAllChildren(element("code"));
    done = document.execCommand("copy");
  }
  element("copied").textContent = done ? "Copied." : "It is selected: copy it with your keyboard.";
});

for (const input of document.querySelectorAll("#logits, #target")) {
  input.addEventListener("input", () => {
    showNumbers();
    showCode();
  });
}
const kept = { softmax: "0", sigmoid: "1, 0, 1" };
let linkBefore = link();
for (const radio of document.querySelectorAll("input[name=link]")) {
  radio.addEventListener("change", () => {
    kept[linkBefore] = element("target").value;
    linkBefore = link();
    element("target").value = kept[linkBefore];
    showNumbers();
    showCode();
  });
}

function update() {
  for (const [i, one] of [...element("cards").children].entries()) one.setAttribute("aria-label", nameOf(losses[i]));
  showNumbers();
  showCode();
  return drawCurves();
}

showCards();
update().then(() => document.documentElement.setAttribute("data-drawn", "yes"));
