// One question with its graph and every answer to it.
"use strict";

const pre = (text) => element("pre", text ? {} : { class: "soft" }, text || "(empty)");

function showNothing() {
  byId("x-space").replaceChildren();
  byId("x-list").removeAttribute("aria-activedescendant");
  byId("x-open").replaceChildren(element("p", { class: "soft" }, "No question passes these filters."));
}

/** What the highlighting means, for the legend under the drawing. */
function keys(task, query, nodes, edges) {
  const out = [];
  if (query.length) out.push(element("span", {}, element("i", { class: "key-query" }), "query"));
  if (edges.length) out.push(element("span", {}, element("i", { class: "key-edge" }), explorer.index.highlights[task] || "the right answer"));
  if (nodes.length) out.push(element("span", {}, element("i", { class: "key-node" }), "the right answer"));
  return out;
}

/** A run's whole prompt, unpacked when it is asked for; place: the run's among those of its dataset. */
function prompt(i, place) {
  const view = element("details", { class: "prompt" }, element("summary", {}, "The whole prompt"));
  view.addEventListener("toggle", async () => {
    if (!view.open || view.children.length > 1) return;
    const texts = await details(i, "prompts");
    if (view.children.length === 1) view.append(pre(texts[place]));
  });
  return view;
}

function answer(i, place, r, run, code, parts) {
  const [outcome, mark] = explorer.index.outcomes[Number(code)];
  const [output, parsed, why, ended, prompted] = parts;
  return element("div", { class: "answer" },
    element("div", { class: "who" }, element("b", {}, `${letter(r)} `, element("i", { class: `swatch c${run.colour % 8}` }), run.label),
      element("span", { class: "verdict" }, element("i", { class: `mark ${outcome}` }, mark), outcome)),
    element("div", {}, pre(output), element("p", { class: "why" }, why),
      element("small", {}, "extracted: ", parsed ? element("code", {}, parsed) : "nothing", `; ${ended}`),
      ...(prompted ? [prompt(i, place)] : [])));
}

/** Open question i; packed is what `_question` of eval/report/explorer.py wrote. */
function showExample(i, packed) {
  const [id, question, gold, graph, query, nodes, edges, answers] = packed;
  const { index, runsOf } = explorer;
  const task = word("task", i);
  const runs = runsOf[index.columns.dataset[i]];
  const { picture, note } = drawGraph(graph, query, nodes, edges);
  const views = runs.flatMap((r, k) => (answers[k] ? [answer(i, k, r, index.runs[r], index.codes[r][i], answers[k])] : []));
  const right = runs.filter((r) => index.codes[r][i] === "0").length;
  byId("x-open").replaceChildren(
    element("h3", {}, task.replaceAll("_", " ")),
    element("p", { class: "soft" }, `${word("generator", i)} graph, ${graph.n.toLocaleString("en")} nodes, ` +
      `${graph.m.toLocaleString("en")} ${graph.directed ? "directed " : ""}edges; text: ${word("encoder", i)}; right: ${right} of ${views.length} runs`),
    element("div", { class: "x-question" },
      element("figure", {}, picture, element("p", { class: "legend" }, ...keys(task, query, nodes, edges)),
        ...(note ? [element("p", { class: "hint" }, note)] : [])),
      element("div", {}, element("h4", {}, "Question"), pre(question),
        element("h4", {}, "Right answer"), pre(gold))),
    element("h4", {}, "The runs' answers, and how they were scored"), ...views,
    element("small", { class: "x-id" }, id), element("small", {},
      element("a", { id: "x-permalink", href: HASH + new URLSearchParams({ ...filterState(), q: id }) }, "link to this question")));
}
