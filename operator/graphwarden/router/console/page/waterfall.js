// One trace in time: its runs and nodes, or all of its spans.

import { drawn, element, spellDuration, table, tellState } from "./elements.js";

const SPANS = [["What"], ["Took", "number"], ["State", "state"], ["When", "bars"]];
const WORKFLOW = "invoke_workflow";
const INTERRUPT = "langgraph.interrupt";
const DATE = { dateStyle: "short", timeStyle: "short" };
const ENDS = { interrupted: "interrupted", cancelled: "cancelled", timeout: "timeout" };

/** The way to the other half of it, and a table with a bar for each span. */
export function drawWaterfall(traceId, spans, isWhole) {
  const outlined = order(spans, (span) => !isDetail(span));
  const isAll = isWhole || outlined.length === 0;
  const rows = isAll ? order(spans, () => true) : outlined;
  const from = Math.min(...spans.map(startOf));
  const to = Math.max(...spans.map(endOf));
  const lines = rows.map((row) => describeSpan(row, from, Math.max(to - from, 1)));
  const caption = `Trace ${traceId}, ${spellDuration(to - from)}`;
  return [tellRest(traceId, spans.length, outlined.length, isAll), table(caption, SPANS, lines)];
}

/** Hops between a call and its run, pages and statements: of interest when they failed. */
function isDetail({ attributes, status }) {
  const isOfSome = "http.request.method" in attributes || "db.operation.name" in attributes;
  return isOfSome && status !== "error";
}

function tellRest(traceId, all, outlined, isAll) {
  if (all === outlined || outlined === 0) {
    return null;
  }
  const trace = `#/traces/${encodeURIComponent(traceId)}`;
  return isAll
    ? element("p", {}, element("a", { href: trace }, "Only runs and nodes"))
    : element("p", {}, element("a", { href: `${trace}/all` }, `All ${all} spans, with requests and statements`));
}

function describeSpan({ span, depth }, from, whole) {
  const begin = ((startOf(span) - from) / whole) * 100;
  const long = Math.max(((endOf(span) - startOf(span)) / whole) * 100, 0.5);
  const isBad = span.status === "error";
  const bar = drawn(
    "svg",
    { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    drawn("rect", { x: Math.min(begin, 99.5), y: 1, width: long, height: 8, class: isBad ? "bad" : null }),
  );
  return [nameSpan(span, depth), spellDuration(span.duration_ms), tellEnd(span), bar];
}

/** Its name, and what tells it from its brothers and sisters; a run says in which pool it was. */
function nameSpan({ name, kind, attributes: told, error_type: error }, depth) {
  const more = [];
  if (kind === "client" && told["server.port"]) {
    more.push(`${told["server.address"]}:${told["server.port"]}`);
  }
  if ("langgraph.task.index" in told) {
    more.push(`#${told["langgraph.task.index"]}`);
  }
  const attempt = told["langgraph.task.attempt"];
  if (attempt > 1 || (attempt && error)) {
    more.push(`attempt ${attempt}`);
  }
  const isRun = told["gen_ai.operation.name"] === WORKFLOW;
  if (isRun && told["graphspec.capability"]) {
    more.push(`in ${told["graphspec.capability"]}`);
  }
  return element(
    "span",
    { class: "step" },
    "\u00a0\u00a0\u00a0".repeat(depth),
    element(isRun ? "strong" : "span", {}, name),
    more.length > 0 && element("span", { class: "quiet" }, ` ${more.join(", ")}`),
  );
}

/** How it ended; nothing where there is nothing to say. */
function tellEnd(span) {
  const words = [];
  if (span.duration_ms === null) {
    words.push(tellState("running"));
  } else if (span.status === "error") {
    words.push(tellState("error", span.error_type));
  }
  for (const { name, attributes } of span.events ?? []) {
    if (name === INTERRUPT) {
      const due = attributes.wake_at;
      const text = due ? `waits until ${new Date(due).toLocaleString(undefined, DATE)}` : "waits for an answer";
      words.push(element("span", { class: "waits" }, text));
    }
  }
  if (span.attributes["gen_ai.operation.name"] === WORKFLOW && words.length === 0) {
    words.push(tellState(ENDS[span.attributes["graphwarden.outcome"]] ?? "success"));
  }
  const before = (span.links ?? [])[0];
  if (before !== undefined && before.trace_id !== span.trace_id) {
    words.push(element("a", { href: `#/traces/${before.trace_id}` }, "goes on from another trace"));
  }
  return element("span", {}, ...words.flatMap((word, at) => (at > 0 ? [", ", word] : [word])));
}

/** Spans below those that they are of, by their start; below one that is left out, in its place. */
function order(spans, isWanted) {
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
      const isShown = isWanted(span);
      if (isShown) {
        rows.push({ span, depth });
      }
      walk(span.span_id, isShown ? depth + 1 : depth);
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
