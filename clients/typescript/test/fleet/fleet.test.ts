/** The client against a router with real workers, whose address is in GRAPHWARDEN_URL. */

import assert from "node:assert/strict";
import test from "node:test";
import { Client as VendorClient } from "@langchain/langgraph-sdk";
import * as otel from "@opentelemetry/api";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import * as ours from "../../src/index.js";
import { breakAt } from "./proxy.js";

const url = process.env.GRAPHWARDEN_URL ?? "";
const graphs = ours.createClient({ url });
const input = { foo: "x" };
const KEPT = { resumable: true };

async function collect(stream: AsyncIterable<ours.StreamEvent>): Promise<ours.StreamEvent[]> {
  const events: ours.StreamEvent[] = [];
  for await (const event of stream) {
    events.push(event);
  }
  return events;
}

function namesOf(events: ours.StreamEvent[]): string[] {
  return events.map(({ event }) => event);
}

async function makeThread(): Promise<string> {
  return (await graphs.threads.create()).thread_id;
}

test("a run gives its result, and says where it is found", async () => {
  const { output, interrupts, traceId, runId } = await graphs.runs.wait("echo", input);
  assert.deepEqual([output, interrupts], [{ foo: "xab", log: ["a", "b"] }, []]);
  assert.match(traceId ?? "", /^[0-9a-f]{32}$/);
  assert.match(runId ?? "", /^[0-9a-f-]{36}$/);
});

test("a run's context reaches its graph", async () => {
  const options = { context: { tone: "warm" } };
  assert.equal((await graphs.runs.wait("toned", input, options)).output.foo, "warm");
});

test("a stream tells what the graph does", async () => {
  const streamMode: ours.StreamMode[] = ["values", "updates", "custom"];
  const events = await collect(graphs.runs.stream("echo", input, { streamMode }));
  const wanted = ["metadata", "values", "custom", "updates", "values", "updates", "values"];
  assert.deepEqual(namesOf(events), wanted);
  const { output } = await graphs.runs.stream("echo", input).result();
  assert.equal(output.foo, "xab");
});

test("events of a graph inside the graph say which it is", async () => {
  const stream = graphs.runs.stream("parent", input, { streamSubgraphs: true });
  const inner = (await collect(stream)).filter(({ namespace }) => namespace.length > 0);
  assert.ok(inner.length > 0 && inner.every(({ namespace }) => namespace[0]?.startsWith("sub:")));
});

test("a model's words come as they are said", async () => {
  const messages = [{ role: "user", content: "hi" }];
  const stream = graphs.runs.stream("chat", { messages }, { streamMode: "messages-tuple" });
  let said = "";
  for await (const event of stream) {
    said += event.event === "messages" ? String(event.data[0].content) : "";
  }
  assert.equal(said, "hello brave new world");
});

test("a stream that broke goes on where it broke, with each event once", async (t) => {
  const marks = ["id: 2\r\n", "id: 4\r\n", "id: 5\r\n"];
  const network = await breakAt(t, url, marks);
  const broken = ours.createClient({ url: network.url });
  const options = {
    threadId: await makeThread(),
    streamMode: ["values", "updates", "custom"] as ours.StreamMode[],
  };
  const stream = broken.runs.stream("kept", input, options);
  const events = await collect(stream);
  assert.equal(network.breaks(), marks.length);
  const whole = await collect(
    graphs.runs.joinStream(stream.threadId ?? "", stream.runId ?? "", { lastEventId: "-1" }),
  );
  assert.deepEqual(events, whole);
  assert.equal(events.length, 7);
});

test("a wait that broke goes on, and the run is one", async (t) => {
  const threadId = await makeThread();
  const network = await breakAt(t, url, ["\r\n\r\n"]);
  const broken = ours.createClient({ url: network.url });
  const { output } = await broken.runs.wait("kept_slow", { foo: "0.3" }, { threadId });
  assert.equal(output.foo, "slept");
  assert.equal(network.breaks(), 1);
  assert.equal((await graphs.runs.list(threadId)).length, 1);
});

test("one key is one run", async () => {
  for (const threadId of [undefined, await makeThread()]) {
    const options = { threadId, idempotencyKey: crypto.randomUUID() };
    const graph = threadId === undefined ? "echo" : "kept";
    const first = await graphs.runs.wait(graph, input, options);
    const second = await graphs.runs.wait(graph, input, options);
    assert.deepEqual([first.isReplay, second.isReplay], [false, true]);
    assert.equal(second.runId, first.runId);
    assert.deepEqual(second.output, first.output);
    const other = graphs.runs.wait(graph, { foo: "y" }, options);
    await assert.rejects(other, ours.IdempotencyKeyReusedError);
  }
});

test("an abort stops the waiting, and the run where that is wanted", async () => {
  const threadId = await makeThread();
  const abort = new AbortController();
  const options = { threadId, signal: abort.signal, onDisconnect: "cancel" as const };
  const stream = graphs.runs.stream("kept_slow", { foo: "30" }, options);
  const reading = async () => {
    for await (const _ of stream) {
      abort.abort(new Error("enough"));
    }
  };
  await assert.rejects(reading(), { message: "enough" });
  let status: string = "running";
  while (status === "running" || status === "pending") {
    ({ status } = await graphs.runs.get(threadId, stream.runId ?? ""));
  }
  assert.equal(status, "interrupted");
});

test("a question waits for its answer", async () => {
  const threadId = await makeThread();
  const asked = await graphs.runs.wait("asking", input, { threadId });
  assert.deepEqual(
    asked.interrupts.map(({ value }) => value),
    [{ q: "ok?" }],
  );
  assert.deepEqual((await graphs.threads.state(threadId)).next, ["ask"]);
  const { output, interrupts } = await graphs.runs.resume("asking", threadId, "yes");
  assert.deepEqual([output, interrupts], [{ foo: "xbyes", log: ["b", "asked"] }, []]);
  assert.equal((await graphs.threads.history(threadId)).length, 4);
});

test("a parked thread wakes before its time when it is told to", async () => {
  const threadId = await makeThread();
  const parked = { due: "2999-01-01T00:00:00+00:00", effects: "/dev/null" };
  const { interrupts } = await graphs.runs.wait("parking", parked, { threadId });
  assert.equal(interrupts.length, 1);
  const { output } = await graphs.threads.wake(threadId);
  assert.equal(output.answer, "alarm");
  await assert.rejects(graphs.threads.wake(threadId), { reason: "NotParked" });
});

test("a run in the background is looked at, joined and cancelled", async () => {
  const threadId = await makeThread();
  const quick = await graphs.runs.create("kept", input, { threadId });
  assert.equal((await graphs.runs.join(threadId, quick.run_id)).output.foo, "xab");
  const slow = await graphs.runs.create("kept_slow", { foo: "30" }, { threadId });
  await graphs.runs.cancel(threadId, slow.run_id);
  assert.equal((await graphs.runs.get(threadId, slow.run_id)).status, "interrupted");
  const done = await graphs.runs.list(threadId, { status: "success" });
  assert.deepEqual(
    done.map(({ run_id }) => run_id),
    [quick.run_id],
  );
});

test("threads are found, edited and deleted", async () => {
  const owner = crypto.randomUUID();
  const { thread_id: threadId } = await graphs.threads.create({ metadata: { owner } });
  await graphs.runs.wait("kept", input, { threadId });
  await graphs.threads.update(threadId, { stage: "warm" });
  const [found] = await graphs.threads.search({ metadata: { owner }, sortBy: "updated_at" });
  assert.deepEqual([found?.thread_id, found?.metadata.stage], [threadId, "warm"]);
  await graphs.threads.updateState(threadId, { foo: "edited" }, { asNode: "b" });
  assert.equal((await graphs.threads.state(threadId)).values.foo, "edited");
  await graphs.threads.delete(threadId);
  await assert.rejects(graphs.threads.get(threadId), ours.NotFoundError);
});

test("what the fleet has can be read", async () => {
  const found = await graphs.assistants.search({ graphId: "echo" });
  assert.deepEqual(
    found.map(({ graph_id }) => graph_id),
    ["echo"],
  );
  assert.equal((await graphs.assistants.get("echo")).graph_id, "echo");
  const { state_schema } = await graphs.assistants.schemas("echo");
  assert.deepEqual(Object.keys(state_schema?.properties ?? {}), ["foo", "log"]);
  const { nodes } = await graphs.assistants.graph("echo");
  assert.deepEqual(
    nodes.map(({ id }) => id),
    ["__start__", "a", "b", "__end__"],
  );
  assert.equal(
    await graphs.request("POST", "/assistants/count", { body: { graph_id: "echo" } }),
    1,
  );
});

test("errors are of the class of their reason, with the trace to look for", async () => {
  const threadId = await makeThread();
  const failing: [() => Promise<unknown>, typeof ours.GraphwardenError][] = [
    [() => graphs.runs.wait("nobody", input), ours.UnknownAssistantError],
    [() => graphs.runs.wait("echo", input, { threadId }), ours.NotResumableError],
    [() => graphs.runs.wait("failing", input), ours.RunFailedError],
    [() => graphs.runs.stream("failing", input).result(), ours.RunFailedError],
    [() => graphs.runs.stream("echo", input, KEPT).result(), ours.UnsupportedFieldError],
    [() => graphs.threads.create({ threadId }), ours.ConflictError],
    [() => graphs.threads.get("no thread"), ours.InvalidRequestError],
    [() => graphs.request("GET", "/nowhere"), ours.NotFoundError],
  ];
  for (const [call, type] of failing) {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof ours.GraphwardenError && error instanceof type, String(error));
      assert.match(error.traceId ?? "", /^[0-9a-f]{32}$/);
      return true;
    });
  }
});

test("the vendor's client and this one work on the same threads", async () => {
  const vendor = new VendorClient({ apiUrl: url });
  const { thread_id: threadId } = await vendor.threads.create();
  await graphs.runs.wait("asking", input, { threadId });
  const values = await vendor.runs.wait(threadId, "asking", { command: { resume: "yes" } });
  assert.deepEqual(values, { foo: "xbyes", log: ["b", "asked"] });
  const { run_id: runId } = await graphs.runs.create("kept", input, { threadId });
  await vendor.runs.join(threadId, runId);
  assert.equal((await vendor.runs.get(threadId, runId)).status, "success");
  assert.deepEqual((await graphs.threads.state(threadId)).values.foo, "xab");
});

test("a run's trace tells of its nodes, down to the one that failed", async () => {
  const error = await graphs.runs.wait("failing", input).catch((caught) => caught);
  assert.ok(error instanceof ours.RunFailedError);
  const query = { assistantId: "failing", status: "error", since: "1h" } as const;
  const { kept, runs } = await graphs.traces.list(query);
  assert.ok(kept && runs.some((run) => run.trace_id === error.traceId));
  const { spans } = await graphs.traces.get(error.traceId ?? "");
  const failed = spans.find((span) => span.attributes["langgraph.node"] === "fails");
  assert.deepEqual([failed?.status, failed?.error_type], ["error", "ValueError"]);
  await assert.rejects(graphs.traces.get("1".repeat(32)), ours.NotFoundError);
});

test("the worker is in the trace of the caller's span, whoever sends the traceparent", async (t) => {
  const provider = new NodeTracerProvider();
  provider.register();
  const instrumentation = new UndiciInstrumentation();
  t.after(() => instrumentation.disable());
  for (const isInstrumented of [false, true]) {
    instrumentation[isInstrumented ? "enable" : "disable"]();
    await otel.trace.getTracer("test").startActiveSpan("launch", async (span) => {
      const { traceId } = await graphs.runs.wait("echo", input);
      assert.equal(traceId, span.spanContext().traceId, `instrumented: ${isInstrumented}`);
      span.end();
    });
  }
});
