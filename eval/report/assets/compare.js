// Two runs side by side: the numbers come from eval/analysis/comparisons.py.
"use strict";

const points = (share) => `${share > 0 ? "+" : share < 0 ? "−" : ""}${Math.abs(100 * share).toFixed(1)}`;
const chance = (p) => (p < 0.001 ? "<0.001" : p.toFixed(3));

/** The pair (a, b) of a dataset, as seen from a; undefined where the two have no question in common. */
function pair(comparisons, a, b) {
  for (const one of comparisons) {
    if (one.a === a && one.b === b) return one.rows;
    if (one.a === b && one.b === a) {
      return one.rows.map(([task, n, both, onlyA, onlyB, difference, low, high, mde, p]) =>
        [task, n, both, onlyB, onlyA, -difference, -high, -low, mde, p]);
    }
  }
  return undefined;
}

/** A difference and its interval on a line from -100 to +100 points; the middle line is no difference. */
function whisker(difference, low, high) {
  const x = (share) => (60 + 56 * share).toFixed(1);
  return element("svg", { viewBox: "0 0 120 16", class: "difference", "aria-hidden": "true" },
    element("line", { class: "grid", x1: 60, x2: 60, y1: 0, y2: 16 }),
    element("line", { class: "whisker", x1: x(low), x2: x(high), y1: 8, y2: 8 }),
    element("circle", { class: "mean", cx: x(difference), cy: 8, r: 3.5 }));
}

/** How many questions only one of two runs answered rightly, as a button that lists them. */
function countButton(count, d, task, right, wrong) {
  if (!count) return "0";
  const button = element("button", { type: "button", class: "link", title: "list these questions" }, count.toLocaleString("en"));
  const runs = explorer.runsOf[d];
  button.addEventListener("click", () => showOnly(d, task, runs[right], runs[wrong]));
  return button;
}

function comparisonRow([task, n, both, onlyA, onlyB, difference, low, high, mde, p], d, a, b) {
  const higher = p <= 0.05 ? `${difference > 0 ? "A" : "B"} is higher` : mde === null ? "too few questions" : "no clear difference";
  const percentOf = (k) => ((100 * k) / n).toFixed(1);
  const cell = (text, ...more) => element("td", {}, text, ...more);
  return element("tr", {}, element("th", {}, task.replaceAll("_", " ")),
    cell(element("b", {}, points(difference)), " ", element("small", {}, `${points(low)} to ${points(high)}`)),
    element("td", { class: p <= 0.05 ? "better" : "soft" }, higher), cell(whisker(difference, low, high)), cell(chance(p)),
    cell(percentOf(both + onlyA)), cell(percentOf(both + onlyB)),
    cell(countButton(onlyA, d, task, a, b), " / ", countButton(onlyB, d, task, b, a)),
    cell(n.toLocaleString("en")), cell(mde === null ? "–" : (100 * mde).toFixed(1)));
}

function showComparison(d, comparisons) {
  const [a, b] = ["a", "b"].map((side) => Number(byId(`c-${side}-${d}`).value));
  const rows = pair(comparisons, a, b);
  if (!rows) {
    byId(`c-table-${d}`).replaceChildren(element("p", { class: "soft" },
      a === b ? "Choose two different runs." : "These two runs have no question in common."));
    return;
  }
  const heads = ["task", "A − B, points", "", "", "p (Holm)", "A", "B", "only A / only B right", "n", "least difference"];
  byId(`c-table-${d}`).replaceChildren(element("div", { class: "scroll" }, element("table", { class: "scores" },
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", {}, head)))),
    element("tbody", {}, ...rows.map((one) => comparisonRow(one, d, a, b))))));
}

async function startComparisons() {
  const byDataset = await unpack("comparisons");
  byDataset.forEach((comparisons, d) => {
    if (!byId(`c-a-${d}`)) return;
    for (const side of ["a", "b"]) byId(`c-${side}-${d}`).addEventListener("change", () => showComparison(d, comparisons));
    byId(`compare-${d}`).hidden = false;
    showComparison(d, comparisons);
  });
}

async function start() {
  if (!("DecompressionStream" in window)) {
    byId("x-note").textContent = "This browser is too old to unpack the questions; any of 2023 or later can.";
    return;
  }
  await startExplorer();
  await startComparisons();
  byId("explorer").dataset.ready = "yes";
  performance.mark("explorer-ready");
}

start();
