// The fleet at a glance: pools with what they carry, graphs with whether they are loaded.

import { element, table } from "./elements.js";

const POOLS = [
  ["Pool"],
  ["Replicas", "number"],
  ["In flight", "number"],
  ["Queued", "number"],
  ["State"],
];
const GRAPHS = [
  ["Graph"],
  ["Pool"],
  ["Loaded", "number"],
  ["In flight", "number"],
  ["State"],
];

/** What stands under "Fleet". */
export function showFleet(fleet) {
  if (fleet === null) {
    return [element("h1", {}, "Fleet"), element("p", {}, "Waiting for the router.")];
  }
  const { pools, graphs } = fleet;
  const ready = graphs.filter((graph) => graph.ready).length;
  return [
    element("h1", {}, "Fleet"),
    element("p", {}, `${ready} of ${graphs.length} graphs ready in ${pools.length} pools.`),
    table("Pools", POOLS, pools.map(describePool)),
    table("Graphs", GRAPHS, graphs.map(describeGraph)),
  ];
}

function describePool(pool) {
  const places = pool.limit === null ? `${pool.in_flight}` : `${pool.in_flight} of ${pool.limit}`;
  return [pool.name, `${pool.endpoints}`, places, `${pool.queued}`, judgePool(pool)];
}

function judgePool({ endpoints, tripped, queued }) {
  if (endpoints === 0) {
    return element("span", { class: "waits" }, "no worker");
  }
  if (tripped > 0) {
    const words = `left alone after lost calls: ${tripped} of ${endpoints} workers`;
    return element("span", { class: "bad" }, words);
  }
  return queued > 0
    ? element("span", { class: "waits" }, "full")
    : element("span", { class: "good" }, "serving");
}

function describeGraph(graph) {
  const name = element("a", { href: `#/graphs/${encodeURIComponent(graph.assistant_id)}` });
  name.append(graph.assistant_id);
  return [name, graph.pool, graph.loaded, `${graph.in_flight}`, judgeGraph(graph)];
}

function judgeGraph({ ready, reason, message }) {
  const why = [reason, message].filter(Boolean).join(": ");
  if (ready) {
    return element("span", { class: why ? "waits" : "good" }, why ? `ready; ${why}` : "ready");
  }
  return element("span", { class: "bad" }, why || "not ready");
}
