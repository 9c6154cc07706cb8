// A graph as SVG. The layout has no randomness: the same graph is always drawn alike.
"use strict";

const STEPS = 120;

/** Hops between all pairs, directions ignored; Infinity where there is no way. */
function hops(n, edges) {
  const beside = Array.from({ length: n }, () => []);
  for (const [u, v] of edges) { beside[u].push(v); beside[v].push(u); }
  return beside.map((_, source) => {
    const far = new Array(n).fill(Infinity);
    far[source] = 0;
    const queue = [source];
    for (const u of queue) for (const v of beside[u]) if (far[v] === Infinity) { far[v] = far[u] + 1; queue.push(v); }
    return far;
  });
}

/** Places [x, y] where the distance on paper follows the hops: stress majorization (Gansner, Koren, North 2004), from a circle. */
function layout(n, edges) {
  const far = hops(n, edges);
  const reached = Math.max(1, ...far.flat().filter((d) => d < Infinity));
  const apart = Math.min(reached + 1, 1.5 + Math.sqrt(n) / 2); // between parts that no edge joins
  const at = Array.from({ length: n }, (_, i) => {
    const turn = (2 * Math.PI * i) / n - Math.PI / 2;
    return [(n / 6 + 0.5) * Math.cos(turn), (n / 6 + 0.5) * Math.sin(turn)];
  });
  for (let step = 0; step < STEPS; step++) {
    for (let i = 0; i < n; i++) {
      let [x, y, weights] = [0, 0, 0];
      for (let j = 0; j < n; j++) {
        if (i === j) continue;
        const wanted = far[i][j] < Infinity ? far[i][j] : apart;
        const weight = 1 / (wanted * wanted);
        const [dx, dy] = [at[i][0] - at[j][0], at[i][1] - at[j][1]];
        const reach = wanted / Math.max(Math.hypot(dx, dy), 1e-6);
        x += weight * (at[j][0] + dx * reach);
        y += weight * (at[j][1] + dy * reach);
        weights += weight;
      }
      if (weights) at[i] = [x / weights, y / weights];
    }
  }
  return at;
}

/** The places scaled into a picture: {at, width, height}. */
function fit(places, margin) {
  const xs = places.map(([x]) => x), ys = places.map(([, y]) => y);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [wide, high] = [Math.max(...xs) - left || 1e-6, Math.max(...ys) - top || 1e-6];
  const scale = Math.min((460 - 2 * margin) / wide, (400 - 2 * margin) / high, 110);
  const [width, height] = [Math.max(wide * scale, 120) + 2 * margin, high * scale + 2 * margin];
  const shift = (width - wide * scale) / 2;
  return { at: places.map(([x, y]) => [shift + (x - left) * scale, margin + (y - top) * scale]), width, height };
}

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const edgeKey = (u, v, directed) => (directed || u < v ? `${u} ${v}` : `${v} ${u}`);

/** One edge: a line, a curve where another runs the opposite way, a ring for a loop; with its weight. */
function drawEdge([u, v, weight], at, radius, directed, twin, gold) {
  const kind = gold ? "edge gold" : "edge";
  const tip = directed ? { "marker-end": `url(#tip${gold ? "-gold" : ""})` } : {};
  const [[x1, y1], [x2, y2]] = [at[u], at[v]];
  if (u === v) return [element("circle", { class: kind, cx: x1, cy: y1 - radius - 6, r: 9 }), ...weightText(weight, x1, y1 - radius - 22)];
  const length = Math.max(Math.hypot(x2 - x1, y2 - y1), 1e-6);
  const [dx, dy] = [(x2 - x1) / length, (y2 - y1) / length];
  const bend = twin ? 14 : 0;
  const [cx, cy] = [(x1 + x2) / 2 - dy * bend, (y1 + y2) / 2 + dx * bend];
  const start = [x1 + dx * radius, y1 + dy * radius];
  const end = [x2 - dx * (radius + (directed ? 5 : 0)), y2 - dy * (radius + (directed ? 5 : 0))];
  const d = `M${start.map((p) => p.toFixed(1))}Q${cx.toFixed(1)},${cy.toFixed(1)} ${end.map((p) => p.toFixed(1))}`;
  const side = directed ? 0.15 : 0; // off the middle, so that crossing edges' weights do not cover each other
  return [element("path", { class: kind, d, ...tip }), ...weightText(weight, cx + dx * length * side, cy + dy * length * side)];
}

function weightText(weight, x, y) {
  return weight === undefined ? [] : [element("text", { class: "weight", x, y: y + 4, "text-anchor": "middle" }, String(weight))];
}

function drawNode(name, label, [x, y], radius, kind, inside) {
  const text = element("text", { x, y: inside ? y + 4.5 : y - radius - 5, "text-anchor": "middle", class: inside ? "name inside" : "name" }, short(name, 12));
  const ring = kind.includes("query") ? [element("circle", { class: "ring", cx: x, cy: y, r: radius + 4 })] : [];
  const word = label ? [element("text", { class: "weight", x, y: y + radius + 13, "text-anchor": "middle" }, short(label, 14))] : [];
  return element("g", { class: kind }, element("title", {}, label ? `${name} (${label})` : name), ...ring,
    element("circle", { class: "dot", cx: x, cy: y, r: radius }), text, ...word);
}

function arrowTip(id) {
  return element("marker", { id, viewBox: "0 0 8 8", refX: 5, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto" },
    element("path", { d: "M0,0L8,4L0,8Z", class: id }));
}

/** The drawing of a graph, query nodes ringed, gold edges thick; {picture, note}, note says what eval/report/explorer.py left out. */
function drawGraph(graph, query, goldNodes, goldEdges) {
  const { nodes: names, edges, directed, labels = {} } = graph;
  const gold = new Set(goldEdges.map(([u, v]) => edgeKey(u, v, directed)));
  const isGold = ([u, v]) => gold.has(edgeKey(u, v, directed));
  const inside = names.every((name) => name.length <= 3);
  const radius = inside ? (names.length > 30 ? 11 : 14) : 7;
  const { at, width, height } = fit(layout(names.length, edges), inside ? 32 : 46);
  const present = new Set(edges.map(([u, v]) => `${u} ${v}`));
  const lines = [...edges].sort((a, b) => isGold(a) - isGold(b)).flatMap((edge) =>
    drawEdge(edge, at, radius, directed, directed && present.has(`${edge[1]} ${edge[0]}`), isGold(edge)));
  const nodes = names.map((name, id) => {
    const kind = `node${query.includes(id) ? " query" : ""}${goldNodes.includes(id) ? " gold" : ""}`;
    return drawNode(name, labels[id], at[id], radius, kind, inside);
  });
  const called = (ids) => ids.map((id) => names[id]).join(", ");
  const description = `Graph of ${graph.n} nodes and ${graph.m} edges${query.length ? `; query: ${called(query)}` : ""}` +
    `${goldEdges.length ? `; highlighted: ${goldEdges.slice(0, 20).map(called).join("; ")}` : ""}`;
  const picture = element("svg", { viewBox: `0 0 ${width.toFixed(0)} ${height.toFixed(0)}`, role: "img", "aria-label": description, class: "graph" },
    element("defs", {}, arrowTip("tip"), arrowTip("tip-gold")), ...lines, ...nodes);
  picture.style.maxWidth = `${Math.min(520, width).toFixed(0)}px`;
  const note = names.length < graph.n ? `${names.length} of ${graph.n.toLocaleString("en")} nodes are drawn: those nearest to the query.` : "";
  return { picture, note };
}
