// The last runs, and one run as a waterfall over the drawing of its graph.

import { drawGraph, findWay } from "./drawing.js";
import { drawn, element, spellDuration, table } from "./elements.js";
import { CallError, read } from "./router.js";

const MOST = 100;
const RUNS = [
  ["Run"],
  ["Graph"],
  ["Began"],
  ["Took", "number"],
  ["State"],
  ["Thread"],
];
const SPANS = [["What"], ["Took", "number"], ["State"], ["When", "bars"]];
const STATES = { success: "good", running: "waits", interrupted: "waits" };

/** What stands under "Runs"; `graph` narrows it. */
export async function showRuns(graph, signal) {
  const title = element("h1", {}, graph === null ? "Runs" : `Runs of ${graph}`);
  const query = new URLSearchParams({ limit: MOST, ...(graph !== null && { assistant_id: graph }) });
  const found = await readTraces(`traces?${query}`, signal);
  if (found === null || !found.kept) {
    const how = "The workers keep no runs: set GRAPHWARDEN_TRACES_KEPT on them.";
    return [title, element("p", {}, how)];
  }
  if (found.runs.length === 0) {
    return [title, element("p", {}, "No run yet.")];
  }
  return [title, table("Last runs, the newest first", RUNS, found.runs.map(describeRun))];
}

/** One trace: its spans in time, and the graph with the nodes that it went through. */
export async function showTrace(traceId, signal) {
  const title = element("h1", {}, "Run");
  const found = await readTraces(`traces/${encodeURIComponent(traceId)}`, signal);
  if (found === null) {
    return [title, element("p", {}, `No worker keeps the trace ${traceId} any more.`)];
  }
  const rows = order(found.spans);
  const from = Math.min(...rows.map(({ span }) => startOf(span)));
  const to = Math.max(...rows.map(({ span }) => endOf(span)));
  const lines = rows.map((row) => describeSpan(row, from, Math.max(to - from, 1)));
  const caption = `Trace ${traceId}, ${spellDuration(to - from)}`;
  const graph = rows.map(({ span }) => span.attributes["graphspec.assistant_id"]).find(Boolean);
  const drawing = graph === undefined ? [] : await showWay(graph, found.spans, signal);
  const left = found.left_out > 0 ? `${found.left_out} spans were too many to keep.` : null;
  return [
    title,
    ...drawing,
    table(caption, SPANS, lines),
    left && element("p", {}, left),
  ].filter(Boolean);
}

/** One graph: its drawing, and its runs. */
export async function showGraph(graph, signal) {
  const [, ...runs] = await showRuns(graph, signal);
  const drawing = drawGraph(await readDrawing(graph, signal), new Map());
  return [element("h1", {}, graph), drawing, element("h2", {}, "Runs"), ...runs];
}

async function showWay(graph, spans, signal) {
  const way = findWay(spans, graph);
  const drawing = drawGraph(await readDrawing(graph, signal), way);
  return [element("h2", {}, `The way through ${graph}`), drawing];
}

async function readDrawing(graph, signal) {
  return await read(`assistants/${encodeURIComponent(graph)}/graph`, signal);
}

async function readTraces(path, signal) {
  try {
    return await read(path, signal);
  } catch (error) {
    if (error instanceof CallError && error.status === 404) {
      return null;
    }
    throw error;
  }
}

function describeRun(run) {
  const link = element("a", { href: `#/traces/${run.trace_id}` });
  link.append(run.run_id ?? run.trace_id);
  const began = element("time", { datetime: run.started_at });
  began.append(new Date(run.started_at).toLocaleTimeString());
  return [
    link,
    run.assistant_id ?? "",
    began,
    spellDuration(run.duration_ms),
    tellState(run.status, run.error_type),
    run.thread_id ?? "",
  ];
}

function describeSpan({ span, depth }, from, whole) {
  const name = element("span", {}, "\u00a0\u00a0".repeat(depth) + span.name);
  const failed = span.status === "error";
  const waits = (span.events ?? []).some((event) => event.name === "langgraph.interrupt");
  const state = failed ? "error" : waits ? "interrupted" : "success";
  const begin = ((startOf(span) - from) / whole) * 100;
  const long = Math.max(((endOf(span) - startOf(span)) / whole) * 100, 0.5);
  const bar = drawn(
    "svg",
    { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    drawn("rect", { x: begin, y: 1, width: long, height: 8, class: failed ? "bad" : null }),
  );
  const took = spellDuration(span.duration_ms);
  return [name, took, tellState(span.duration_ms === null ? "running" : state, span.error_type), bar];
}

function tellState(status, errorType) {
  const words = errorType ? `${status}: ${errorType}` : status;
  return element("span", { class: STATES[status] ?? "bad" }, words);
}

/** Spans below those that they are of, by their start, each with its depth. */
function order(spans) {
  const known = new Set(spans.map((span) => span.span_id));
  const below = new Map();
  for (const span of spans) {
    const parent = span.parent_span_id;
    const above = known.has(parent) && parent !== span.span_id ? parent : null;
    below.set(above, [...(below.get(above) ?? []), span]);
  }
  const rows = [];
  const walk = (parent, depth) => {
    for (const span of below.get(parent) ?? []) {
      rows.push({ span, depth });
      walk(span.span_id, depth + 1);
    }
  };
  walk(null, 0);
  return rows;
}

/** Milliseconds since 1970, with their thousandths, which `Date` would leave out. */
function startOf({ started_at: at }) {
  const [seconds, fraction = "0"] = at.replace("Z", "").split(".");
  return Date.parse(`${seconds}Z`) + Number(`0.${fraction}`) * 1000;
}

function endOf(span) {
  return span.duration_ms === null ? Date.now() : startOf(span) + span.duration_ms;
}
