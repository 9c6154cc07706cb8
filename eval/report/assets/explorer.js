// The explorer: which questions are listed, and which one is open. Texts of models and files enter the page as
// text only, never as markup.
"use strict";

const ROW = 34; // height of a row of the list, in pixels; as in report.css
const byId = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text nodes. */
function element(tag, attributes, ...children) {
  const svg = ["svg", "g", "line", "path", "circle", "text", "title", "marker", "defs", "tspan"].includes(tag);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** The JSON in a data block: base64 of deflated text, as eval/report/explorer.py packs it. */
async function unpack(id) {
  const packed = atob(byId(id).textContent);
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i++) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

const explorer = { index: null, blocks: new Map(), listed: [], at: -1, texts: [], turn: 0, only: null, ids: null };
const HASH = "#x?"; // What follows in a link are the filters and the open question, as in a query string.
const FIELDS = ["dataset", "task", "run", "outcome", "generator", "encoder"];

/** The runs that answered question i, as numbers into index.runs. */
const runsOn = (i) => explorer.runsOf[explorer.index.columns.dataset[i]].filter((r) => explorer.index.codes[r][i] !== ".");

/** A run's letter among those of its dataset, which its tiles bear: A, B, .., Z, 27, 28, .. */
function letter(r) {
  const place = explorer.runsOf[explorer.index.runs[r].dataset].indexOf(r);
  return place < 26 ? String.fromCharCode(65 + place) : String(place + 1);
}
const word = (column, i) => explorer.index.words[column][explorer.index.columns[column][i]];

/** kind: `block`, or `prompts`, of which there is one only where a prompt holds more than its question. */
async function block(number, kind = "block") {
  const id = `${kind}-${number}`;
  if (!explorer.blocks.has(id)) explorer.blocks.set(id, unpack(id));
  return explorer.blocks.get(id);
}

/** Everything that was packed for question i in blocks of a kind. */
async function details(i, kind) {
  const { blocks } = explorer.index;
  return (await block(blocks[i], kind))[i - blocks.indexOf(blocks[i])];
}

function readFilters() {
  const number = (id) => (byId(id).value === "" ? -1 : Number(byId(id).value));
  return {
    dataset: number("x-dataset"), task: number("x-task"), generator: number("x-generator"), encoder: number("x-encoder"),
    run: number("x-run"), outcome: byId("x-outcome").value, disagree: byId("x-disagree").checked,
    search: byId("x-search").value.trim().toLowerCase(),
  };
}

function passes(i, want) {
  const { columns, codes } = explorer.index;
  for (const column of ["dataset", "task", "generator", "encoder"]) {
    if (want[column] >= 0 && columns[column][i] !== want[column]) return false;
  }
  if (want.run >= 0 && codes[want.run][i] === ".") return false;
  if (explorer.only && !(codes[explorer.only.right][i] === "0" && !"0.".includes(codes[explorer.only.wrong][i]))) return false;
  const runs = runsOn(i);
  if (want.outcome !== "" && !(want.run >= 0 ? [want.run] : runs).some((r) => codes[r][i] === want.outcome)) return false;
  return !want.disagree || new Set(runs.map((r) => codes[r][i] === "0")).size > 1;
}

/** Texts of a block in lower case, for the search. */
async function readTexts(number) {
  const first = explorer.index.blocks.indexOf(number);
  (await block(number)).forEach(([id, question, answer, , , , , answers], k) => {
    const outputs = answers.flatMap((a) => (a ? [a[0], a[1]] : []));
    explorer.texts[first + k] = [id, question, answer, ...outputs].join("\n").toLowerCase();
  });
}

/** List the questions that pass the filters; what was open stays open where it still passes. */
async function filter() {
  const turn = ++explorer.turn;
  const want = readFilters();
  const open = explorer.listed[explorer.at];
  let listed = explorer.index.blocks.map((_, i) => i).filter((i) => passes(i, want));
  if (want.search) {
    byId("x-count").textContent = "searching…";
    for (const number of new Set(listed.map((i) => explorer.index.blocks[i]))) {
      await readTexts(number);
      if (turn !== explorer.turn) return; // a later filter has begun
    }
    listed = listed.filter((i) => explorer.texts[i].includes(want.search));
  }
  explorer.listed = listed;
  const all = explorer.index.blocks.length;
  byId("x-count").textContent = `${listed.length.toLocaleString("en")} of ${all.toLocaleString("en")} questions`;
  byId("x-space").style.height = `${listed.length * ROW}px`;
  explorer.at = -1;
  if (listed.length) await select(Math.max(0, listed.indexOf(open)));
  else showNothing();
  byId("x-link").href = HASH + new URLSearchParams(filterState());
}

function drawRows() {
  const list = byId("x-list");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
  const last = Math.min(explorer.listed.length, first + Math.ceil(list.clientHeight / ROW) + 10);
  const rows = [];
  for (let place = first; place < last; place++) rows.push(row(place));
  byId("x-space").replaceChildren(...rows);
  const current = `x-row-${explorer.at}`;
  if (byId(current)) list.setAttribute("aria-activedescendant", current);
  else list.removeAttribute("aria-activedescendant");
}

/** What tells question i from others of its task: generator and encoder where there are several, and the size. */
function describe(i) {
  const several = ["generator", "encoder"].filter((column) => explorer.index.words[column].length > 1);
  return [...several.map((column) => word(column, i)), `${explorer.index.columns.nodes[i]} nodes`];
}

function row(place) {
  const i = explorer.listed[place];
  const { codes, outcomes, runs } = explorer.index;
  const marks = runsOn(i).map((r) => {
    const [outcome, mark] = outcomes[Number(codes[r][i])];
    return element("i", { class: "tile", title: `${runs[r].label}: ${outcome}` }, element("small", {}, letter(r)),
      element("i", { class: `mark ${outcome}` }, mark));
  });
  const right = runsOn(i).filter((r) => codes[r][i] === "0").length;
  const option = element("div", {
    id: `x-row-${place}`, class: "x-row", role: "option", "aria-selected": String(place === explorer.at),
    "aria-posinset": place + 1, "aria-setsize": explorer.listed.length,
    "aria-label": [word("task", i).replaceAll("_", " "), ...describe(i), `${right} of ${marks.length} right`].join(", "),
  },
    element("span", { class: "x-marks" }, ...marks),
    element("b", {}, word("task", i).replaceAll("_", " ")),
    element("span", { class: "soft" }, [...describe(i), word("answer", i)].join(", ")));
  option.style.top = `${place * ROW}px`;
  option.addEventListener("click", () => { select(place); byId("x-list").focus({ preventScroll: true }); });
  return option;
}

async function select(place) {
  explorer.at = place;
  const list = byId("x-list");
  const top = place * ROW;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
  drawRows();
  const i = explorer.listed[place];
  showRuns(explorer.index.columns.dataset[i]);
  const packed = await details(i);
  if (explorer.listed[explorer.at] === i) showExample(i, packed); // else another was selected while this one was unpacked
}

/** Which letter stands for which run, for the dataset of the open question. */
function showRuns(dataset) {
  byId("x-runs").replaceChildren(...explorer.runsOf[dataset].map((r) => element("span", {}, element("b", {}, letter(r)),
    element("i", { class: `swatch c${explorer.index.runs[r].colour % 8}` }), explorer.index.runs[r].label)));
}

const move = (steps) => explorer.listed.length && select(Math.min(explorer.listed.length - 1, Math.max(0, explorer.at + steps)));

function setOnly(dataset, right, wrong) {
  const { runs } = explorer.index;
  explorer.only = { dataset, right, wrong };
  byId("x-only").textContent = `only ${runs[right].label} is right, not ${runs[wrong].label} ×`;
  byId("x-only").hidden = false;
}

/** List the questions of a task (or all of a dataset) that run `right` answered rightly and run `wrong` did not. */
async function showOnly(dataset, task, right, wrong) {
  const { words, datasets } = explorer.index;
  resetFilters();
  setOnly(dataset, right, wrong);
  if (datasets.length > 1) byId("x-dataset").value = dataset;
  byId("x-task").value = words.task.includes(task) ? words.task.indexOf(task) : "";
  fillRuns();
  await filter();
  byId("explorer").scrollIntoView();
  byId("x-list").focus({ preventScroll: true });
}

function resetFilters() {
  explorer.only = null;
  byId("x-only").hidden = true;
  for (const field of byId("x-filters").querySelectorAll("select, input")) {
    if (field.type === "checkbox") field.checked = false;
    else field.value = "";
  }
  fillRuns();
}

function clearFilters() {
  resetFilters();
  return filter();
}

/** The filters as the entries of a link; runs and words by name, so that a link holds on a later page, too. */
function filterState() {
  const { index, only } = explorer;
  const state = {};
  for (const field of FIELDS) {
    const select = byId(`x-${field}`);
    if (select.value !== "") state[field] = select.selectedOptions[0].textContent;
  }
  if (byId("x-search").value.trim()) state.search = byId("x-search").value.trim();
  if (byId("x-disagree").checked) state.disagree = "1";
  if (only) Object.assign(state, { right: index.runs[only.right].label, not: index.runs[only.wrong].label, on: only.dataset });
  return state;
}

/** Set the filters and open the question that the page's address names; false where it names none. */
async function followLink() {
  if (!location.hash.startsWith(HASH)) return false;
  const state = new URLSearchParams(location.hash.slice(HASH.length));
  const { runs } = explorer.index;
  resetFilters();
  for (const field of FIELDS) { // the dataset comes first, since the runs on offer depend on it
    const select = byId(`x-${field}`);
    const option = [...select.options].find((one) => one.textContent === state.get(field));
    if (option) select.value = option.value;
    if (field === "dataset") fillRuns();
  }
  byId("x-search").value = state.get("search") || "";
  byId("x-disagree").checked = state.has("disagree");
  const number = (name) => runs.findIndex((run) => run.label === state.get(name) && run.dataset === Number(state.get("on")));
  if (number("right") >= 0 && number("not") >= 0) setOnly(Number(state.get("on")), number("right"), number("not"));
  await filter();
  const place = state.has("q") ? await placeOf(state.get("q")) : -1;
  if (place >= 0) await select(place);
  byId("explorer").scrollIntoView();
  return true;
}

/** Where the question with an id is in the list; all blocks are unpacked for it, once. */
async function placeOf(id) {
  if (!explorer.ids) {
    const numbers = [...new Set(explorer.index.blocks)];
    const blocks = await Promise.all(numbers.map((number) => block(number)));
    explorer.ids = new Map(blocks.flat().map(([name], i) => [name, i]));
  }
  return explorer.listed.indexOf(explorer.ids.get(id));
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const list = byId("x-list");
  const field = event.target.matches && event.target.matches("input, select, textarea, button, summary, a");
  const page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
  let done = true;
  if (event.target === byId("x-search") && event.key === "Escape") { event.target.value = ""; filter(); list.focus(); }
  else if (event.target === byId("x-search") && event.key === "Enter") list.focus();
  else if (field) done = false;
  else if (event.key === "/") byId("x-search").focus();
  else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.target === list && event.key in steps) move(steps[event.key]);
  else if (event.target === list && event.key === "Enter") byId("x-open").focus();
  else if (event.key === "Escape") list.focus();
  else done = false;
  if (done) event.preventDefault();
}

/** A select's options: everything first, then each word by its number. */
function fill(id, words, all) {
  const options = words.map((text, number) => element("option", { value: number }, text));
  byId(id).replaceChildren(element("option", { value: "" }, all), ...options);
  byId(id).closest("label").hidden = words.length < 2;
}

/** Runs of the chosen dataset only. */
function fillRuns() {
  const { runs, datasets } = explorer.index;
  const dataset = byId("x-dataset").value;
  const kept = byId("x-run").value;
  fill("x-run", runs.map((run) => (datasets.length > 1 && dataset === "" ? `${run.label} (${datasets[run.dataset]})` : run.label)), "any run");
  for (const option of [...byId("x-run").options]) {
    if (option.value !== "" && dataset !== "" && runs[Number(option.value)].dataset !== Number(dataset)) option.remove();
  }
  byId("x-run").value = [...byId("x-run").options].some((option) => option.value === kept) ? kept : "";
}

async function startExplorer() {
  const index = (explorer.index = await unpack("index"));
  byId("x-note").hidden = true;
  byId("x-all").hidden = false;
  explorer.runsOf = index.datasets.map((_, d) => index.runs.flatMap((run, r) => (run.dataset === d ? [r] : [])));
  fill("x-dataset", index.datasets, "all datasets");
  fill("x-task", index.words.task.map((task) => task.replaceAll("_", " ")), "all tasks");
  for (const column of ["generator", "encoder"]) fill(`x-${column}`, index.words[column], `all ${column}s`);
  fill("x-outcome", index.outcomes.map(([outcome]) => outcome), "any outcome");
  fillRuns();
  let waiting = 0;
  byId("x-dataset").addEventListener("change", fillRuns);
  // The search filters as one types; leaving its field must not build the open question again under the reader's click.
  byId("x-filters").addEventListener("change", (event) => event.target !== byId("x-search") && filter());
  byId("x-search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
  byId("x-filters").addEventListener("submit", (event) => event.preventDefault());
  byId("x-clear").addEventListener("click", clearFilters);
  byId("x-only").addEventListener("click", clearFilters);
  byId("x-list").addEventListener("scroll", drawRows, { passive: true });
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", followLink);
  if (!(await followLink())) await filter();
}
