// One question with everything that was said about it.
"use strict";

const pre = (text) => element("pre", text ? {} : { class: "soft" }, text || "(empty)");

function showNothing() {
  byId("x-space").replaceChildren();
  byId("x-list").removeAttribute("aria-activedescendant");
  byId("x-open").replaceChildren(element("p", { class: "soft" }, "No question passes these filters."));
}

/** What the highlighting means, for the legend under the drawing. */
function keys(task, asked, nodes, edges) {
  const out = [];
  if (asked.length) out.push(element("span", {}, element("i", { class: "key-asked" }), "asked"));
  if (edges.length) out.push(element("span", {}, element("i", { class: "key-edge" }), explorer.index.highlights[task] || "the right answer"));
  if (nodes.length) out.push(element("span", {}, element("i", { class: "key-node" }), "the right answer"));
  return out;
}

/** A run's whole prompt, unpacked when it is asked for; place: the run's among those of its dataset. */
function prompt(i, place) {
  const shown = element("details", { class: "prompt" }, element("summary", {}, "The whole prompt"));
  shown.addEventListener("toggle", async () => {
    if (!shown.open || shown.children.length > 1) return;
    const texts = await details(i, "prompts");
    if (shown.children.length === 1) shown.append(pre(texts[place]));
  });
  return shown;
}

function answer(i, place, run, code, said) {
  const [outcome, mark] = explorer.index.outcomes[Number(code)];
  const [output, parsed, why, ended, prompted] = said;
  return element("div", { class: "answer" },
    element("div", { class: "who" }, element("b", {}, element("i", { class: `swatch c${run.colour % 8}` }), run.label),
      element("span", { class: "verdict" }, element("i", { class: `mark ${outcome}` }, mark), outcome)),
    element("div", {}, pre(output), element("p", { class: "why" }, why),
      element("small", {}, "extracted: ", parsed ? element("code", {}, parsed) : "nothing", `; ${ended}`),
      ...(prompted ? [prompt(i, place)] : [])));
}

/** Open question i; packed is what eval/report/explorer.py `_shown` wrote. */
function showExample(i, packed) {
  const [id, question, gold, graph, asked, nodes, edges, answers] = packed;
  const { index, runsOf } = explorer;
  const task = word("task", i);
  const runs = runsOf[index.columns.dataset[i]];
  const { picture, note } = drawGraph(graph, asked, nodes, edges);
  const said = runs.flatMap((r, k) => (answers[k] ? [answer(i, k, index.runs[r], index.judged[r][i], answers[k])] : []));
  const right = runs.filter((r) => index.judged[r][i] === "0").length;
  byId("x-open").replaceChildren(
    element("h3", {}, task.replaceAll("_", " ")),
    element("p", { class: "soft" }, `${word("generator", i)} graph, ${graph.n.toLocaleString("en")} nodes, ` +
      `${graph.m.toLocaleString("en")} ${graph.directed ? "directed " : ""}edges; text: ${word("encoder", i)}; right: ${right} of ${said.length} runs`),
    element("div", { class: "x-question" },
      element("figure", {}, picture, element("p", { class: "legend" }, ...keys(task, asked, nodes, edges)),
        ...(note ? [element("p", { class: "hint" }, note)] : [])),
      element("div", {}, element("h4", {}, "Question"), pre(question),
        element("h4", {}, "Right answer"), pre(gold))),
    element("h4", {}, "What each run said, and how it was judged"), ...said,
    element("small", { class: "x-id" }, id));
}
