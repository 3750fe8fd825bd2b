// The last runs, and one run as a waterfall over the drawing of its graph.

import { drawGraph, findWay } from "./drawing.js";
import { element, spellDuration, table, tellState } from "./elements.js";
import { CallError, read } from "./router.js";
import { drawWaterfall } from "./waterfall.js";

const MOST = 100;
const RUNS = [
  ["Run"],
  ["Graph"],
  ["Began"],
  ["Took", "number"],
  ["State"],
  ["Thread"],
];

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
export async function showTrace(traceId, isWhole, signal) {
  const found = await readTraces(`traces/${encodeURIComponent(traceId)}`, signal);
  if (found === null) {
    const words = `No worker keeps the trace ${traceId} any more.`;
    return [element("h1", {}, "Run"), element("p", {}, words)];
  }
  const graph = found.spans.map(({ attributes }) => attributes["graphspec.assistant_id"]).find(Boolean);
  const drawing = graph === undefined ? [] : await showWay(graph, found.spans, signal);
  const left = found.left_out > 0 ? `${found.left_out} spans were too many to keep.` : null;
  return [
    element("h1", {}, graph === undefined ? "Run" : `Run of ${graph}`),
    ...drawWaterfall(traceId, found.spans, isWhole),
    left && element("p", {}, left),
    ...drawing,
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
