// A graph as a drawing, with the nodes that a run went through, and the same in words.

import { drawn, element, spellDuration } from "./elements.js";

const WIDE = 150;
const HIGH = 34;
const GAP_X = 30;
const GAP_Y = 40;

/**
 * What happened in each node of a graph, by its name: how often, how long, and whether it failed.
 * Another graph that the run called on its way has nodes of its own.
 */
export function findWay(spans, graph) {
  const known = new Map(spans.map((span) => [span.span_id, span]));
  const way = new Map();
  for (const span of spans) {
    const node = span.attributes["langgraph.node"];
    if (node === undefined || findOwner(span, known) !== graph) {
      continue;
    }
    const so = way.get(node) ?? { times: 0, ms: 0, failed: false };
    way.set(node, {
      times: so.times + 1,
      ms: so.ms + (span.duration_ms ?? 0),
      failed: so.failed || span.status === "error",
    });
  }
  return way;
}

/** The graph that a span is of: its own word for it, or that of a span above it. */
function findOwner(span, known) {
  const seen = new Set();
  let at = span;
  while (at !== undefined && !seen.has(at)) {
    const owner = at.attributes["graphspec.assistant_id"];
    if (owner !== undefined) {
      return owner;
    }
    seen.add(at);
    at = known.get(at.parent_span_id);
  }
  return undefined;
}

/** The drawing, and its text for those who do not see it. */
export function drawGraph({ nodes, edges }, way) {
  const places = place(nodes, edges);
  const width = Math.max(...[...places.values()].map(({ x }) => x)) + WIDE / 2 + GAP_X;
  const height = Math.max(...[...places.values()].map(({ y }) => y)) + HIGH;
  const title = way.size === 0 ? "The graph" : "The graph, with the nodes that the run went through";
  const picture = drawn(
    "svg",
    { class: "drawing", viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
    ...edges.map((edge) => drawEdge(edge, places)),
    ...nodes.map((node) => drawNode(node, places, way)),
  );
  return element(
    "figure",
    {},
    element("figcaption", {}, title),
    element("div", { class: "scroll" }, picture),
    describe(edges, way),
  );
}

function describe(edges, way) {
  const steps = [...way].map(([name, { times, ms, failed }]) => {
    const often = times > 1 ? `, ${times} times` : "";
    return element("li", {}, `${name}: ${spellDuration(ms)}${often}${failed ? ", failed" : ""}`);
  });
  const lines = edges.map(({ source, target, conditional, data }) => {
    const when = conditional ? ` if ${data ?? "it decides so"}` : "";
    return element("li", {}, `${source} leads to ${target}${when}`);
  });
  const asText = element("details", {}, element("summary", {}, "As text"), element("ul", {}, ...lines));
  return element("div", {}, steps.length > 0 && element("ol", { class: "way" }, ...steps), asText);
}

/** Each node below the last that leads to it; edges that go back up do not count. */
function place(nodes, edges) {
  const next = new Map(nodes.map(({ id }) => [id, []]));
  for (const { source, target } of edges) {
    next.get(source)?.push(target);
  }
  const level = new Map();
  const onWay = new Set();
  const descend = (id, depth) => {
    if (onWay.has(id) || (level.get(id) ?? -1) >= depth || depth > nodes.length) {
      return;
    }
    level.set(id, depth);
    onWay.add(id);
    for (const target of next.get(id) ?? []) {
      descend(target, depth + 1);
    }
    onWay.delete(id);
  };
  const hasSource = new Set(edges.map(({ target }) => target));
  for (const { id } of nodes) {
    if (!hasSource.has(id)) {
      descend(id, 0);
    }
  }
  const rows = new Map();
  const places = new Map();
  for (const { id } of nodes) {
    const row = level.get(id) ?? 0;
    const column = rows.get(row) ?? 0;
    rows.set(row, column + 1);
    places.set(id, { row, column });
  }
  const widest = Math.max(...rows.values());
  for (const at of places.values()) {
    const left = ((widest - rows.get(at.row)) * (WIDE + GAP_X)) / 2;
    at.x = left + at.column * (WIDE + GAP_X) + WIDE / 2 + GAP_X;
    at.y = at.row * (HIGH + GAP_Y) + HIGH;
  }
  return places;
}

function drawNode({ id }, places, way) {
  const { x, y } = places.get(id);
  const seen = way.get(id);
  const kind = seen === undefined ? null : seen.failed ? "failed" : "gone";
  const label = seen !== undefined && seen.times > 1 ? `${id} ×${seen.times}` : id;
  return drawn(
    "g",
    { class: kind },
    drawn("rect", { x: x - WIDE / 2, y: y - HIGH / 2, width: WIDE, height: HIGH, rx: 6 }),
    drawn("text", { x, y }, label.length > 20 ? `${label.slice(0, 19)}…` : label),
  );
}

function drawEdge({ source, target, conditional }, places) {
  const from = places.get(source);
  const to = places.get(target);
  if (from === undefined || to === undefined) {
    return drawn("g");
  }
  const kind = conditional ? "conditional" : null;
  if (to.row > from.row) {
    const middle = (from.y + to.y) / 2;
    const [top, bottom] = [from.y + HIGH / 2, to.y - HIGH / 2];
    return drawn("path", { class: kind, d: `M${from.x} ${top}C${from.x} ${middle} ${to.x} ${middle} ${to.x} ${bottom}` });
  }
  // Back up: around the right side.
  const side = Math.max(from.x, to.x) + WIDE / 2 + GAP_X * 0.8;
  return drawn("path", {
    class: kind,
    d: `M${from.x + WIDE / 2} ${from.y}C${side} ${from.y} ${side} ${to.y} ${to.x + WIDE / 2} ${to.y}`,
  });
}
