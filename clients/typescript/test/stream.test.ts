import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import test from "node:test";
import { createClient, type StreamEvent } from "../src/index.js";
import { beginStream, refuse, serve, writeEvent } from "./server.js";

const PLACE = { "content-location": "/threads/t1/runs/r1", "x-trace-id": "b".repeat(32) };
const RETRY = { maxDelayMs: 20 };

async function collect(stream: AsyncIterable<StreamEvent>): Promise<[string, unknown][]> {
  const seen: [string, unknown][] = [];
  for await (const { event, data } of stream) {
    seen.push([event, data]);
  }
  return seen;
}

async function writeAll(response: ServerResponse, ...values: number[]): Promise<void> {
  for (const value of values) {
    await writeEvent(response, "values", { step: value }, value);
  }
}

test("events come as they are sent, and the last values are the result", async (t) => {
  const server = await serve(t, async (_, response) => {
    beginStream(response, PLACE);
    await writeEvent(response, "metadata", { run_id: "r1", attempt: 1 });
    response.write(": heartbeat\r\n\r\n");
    await writeEvent(response, "values|sub:1", { inner: true });
    await writeEvent(response, "values", { foo: "x" });
    await writeEvent(response, "end", null);
  });
  const graphs = createClient({ url: server.url });
  const stream = graphs.runs.stream("x", {}, { streamMode: ["values", "updates"] });
  assert.deepEqual(await collect(stream), [
    ["metadata", { run_id: "r1", attempt: 1 }],
    ["values|sub:1", { inner: true }],
    ["values", { foo: "x" }],
  ]);
  assert.deepEqual([stream.runId, stream.threadId, stream.traceId], ["r1", "t1", "b".repeat(32)]);
  await assert.rejects(collect(stream), TypeError);
  const { output, runId } = await graphs.runs.stream("x", {}).result();
  assert.deepEqual([output, runId], [{ foo: "x" }, "r1"]);
});

test("a broken stream is read on from its last event", async (t) => {
  const server = await serve(t, async (_, response, number) => {
    if (number === 2) {
      refuse(response, 503, "PoolUnavailable");
      return;
    }
    beginStream(response, PLACE);
    if (number === 1) {
      await writeAll(response, 1, 2);
      response.destroy();
    } else if (number === 3) {
      await writeAll(response, 3);
      response.destroy();
    } else {
      await writeAll(response, 4);
      await writeEvent(response, "end", null);
    }
  });
  const graphs = createClient({ url: server.url, retry: RETRY });
  const seen = await collect(graphs.runs.stream("x", {}, { threadId: "t1" }));
  assert.deepEqual(
    seen.map(([, data]) => (data as { step: number }).step),
    [1, 2, 3, 4],
  );
  const [first, ...joins] = server.received;
  const asked = { stream_mode: ["values"], stream_resumable: true };
  assert.deepEqual(first?.body, { assistant_id: "x", input: {}, ...asked });
  assert.ok(joins.every(({ path }) => path === "/threads/t1/runs/r1/stream"));
  assert.deepEqual(
    joins.map(({ headers }) => headers["last-event-id"]?.join()),
    ["2", "2", "3"],
  );
  assert.ok(
    joins.every(({ headers }) => headers.traceparent?.[0]?.slice(3, 35) === "b".repeat(32)),
  );
});

test("a stream that keeps nothing is lost when it breaks", async (t) => {
  const server = await serve(t, async (_, response) => {
    beginStream(response, PLACE);
    await writeEvent(response, "values", { step: 1 });
    response.destroy();
  });
  const stream = createClient({ url: server.url, retry: RETRY }).runs.stream("x", {});
  await assert.rejects(collect(stream), {
    name: "ConnectionLostError",
    runId: "r1",
    traceId: "b".repeat(32),
  });
  assert.equal(server.received.length, 1);
});

test("a stream that ends in good order before its run is no result", async (t) => {
  const server = await serve(t, async (_, response) => {
    beginStream(response, PLACE);
    await writeEvent(response, "values", { step: 1 });
    response.end();
  });
  const stream = createClient({ url: server.url }).runs.stream("x", {});
  await assert.rejects(stream.result(), { detail: "the stream ended before its run" });
});

test("an error of the graph ends the stream", async (t) => {
  const server = await serve(t, async (_, response) => {
    beginStream(response, PLACE);
    await writeEvent(response, "error", { error: "ValueError", message: "kaboom" });
  });
  const stream = createClient({ url: server.url }).runs.stream("x", {});
  await assert.rejects(collect(stream), { name: "RunFailedError", reason: "ValueError" });
});

test("leaving the loop closes the connection", async (t) => {
  let closed: () => void = () => undefined;
  const isClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const server = await serve(t, async (_, response) => {
    response.on("close", closed);
    beginStream(response, PLACE);
    await writeAll(response, 1, 2);
  });
  for await (const event of createClient({ url: server.url }).runs.stream("x", {})) {
    assert.deepEqual(event.data, { step: 1 });
    break;
  }
  await isClosed;
});

test("an abort ends the iteration with the caller's reason", async (t) => {
  const server = await serve(t, async (_, response) => {
    beginStream(response, PLACE);
    await writeAll(response, 1);
  });
  const abort = new AbortController();
  const options = { signal: abort.signal, threadId: "t1" };
  const stream = createClient({ url: server.url }).runs.stream("x", {}, options);
  const reading = async () => {
    for await (const _ of stream) {
      abort.abort(new Error("enough"));
    }
  };
  await assert.rejects(reading(), { message: "enough" });
  assert.equal(server.received.length, 1);
});

test("a run that began elsewhere is read from any of its events", async (t) => {
  const server = await serve(t, async (_, response) => {
    beginStream(response, PLACE);
    await writeAll(response, 5);
    await writeEvent(response, "end", null);
  });
  const graphs = createClient({ url: server.url });
  const stream = graphs.runs.joinStream("t1", "r1", { lastEventId: "4", streamMode: ["values"] });
  await collect(stream);
  assert.equal(stream.lastEventId, "5");
  const [request] = server.received;
  assert.equal(request?.path, "/threads/t1/runs/r1/stream?stream_mode=values");
  assert.deepEqual(request?.headers["last-event-id"], ["4"]);
});
