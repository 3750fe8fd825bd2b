import assert from "node:assert/strict";
import { createServer } from "node:net";
import test from "node:test";
import * as client from "../src/index.js";
import { answer, refuse, serve } from "./server.js";

const FAST = { maxDelayMs: 20 };
const PLACE = { "content-location": "/threads/t1/runs/r1", "x-trace-id": "b".repeat(32) };

function connect(url: string, more: Partial<client.ClientOptions> = {}): client.Client {
  return client.createClient({ url, retry: FAST, ...more });
}

test("a run says what it needs, and nothing else", async (t) => {
  const server = await serve(t, (_, response) => answer(response, 200, { foo: "y" }, PLACE));
  const graphs = connect(`${server.url}/`, { apiKey: "gw_key", headers: { "x-team": "sales" } });
  const options = {
    idempotencyKey: "k1",
    context: { tone: "warm" },
    onDisconnect: "cancel" as const,
  };
  const result = await graphs.runs.wait("echo", { foo: "x" }, options);
  assert.deepEqual(result, {
    output: { foo: "y" },
    interrupts: [],
    runId: "r1",
    threadId: "t1",
    traceId: "b".repeat(32),
    isReplay: false,
  });
  const [request] = server.received;
  assert.equal(`${request?.method} ${request?.path}`, "POST /runs/wait");
  assert.deepEqual(request?.body, {
    assistant_id: "echo",
    input: { foo: "x" },
    context: { tone: "warm" },
    on_disconnect: "cancel",
  });
  const sent = (name: string) => request?.headers[name];
  assert.deepEqual(sent("x-api-key"), ["gw_key"]);
  assert.deepEqual(sent("x-team"), ["sales"]);
  assert.deepEqual(sent("idempotency-key"), ["k1"]);
  assert.deepEqual(sent("x-assistant-id"), ["echo"]);
});

test("questions of a graph are apart from its values", async (t) => {
  const asked = [{ id: "i1", value: { q: "ok?" } }];
  const values = { foo: "x", __interrupt__: asked };
  const server = await serve(t, (_, response) => answer(response, 200, values));
  const { output, interrupts } = await connect(server.url).runs.resume("ask", "t1", "yes");
  assert.deepEqual([output, interrupts], [{ foo: "x" }, asked]);
  const { body, path } = server.received[0] ?? {};
  assert.equal(path, "/threads/t1/runs/wait");
  assert.deepEqual(body, { assistant_id: "ask", input: null, command: { resume: "yes" } });
});

test("each reason has an error of its own", async (t) => {
  for (const [reason, type] of Object.entries(client.ERRORS)) {
    const server = await serve(t, (_, response) => refuse(response, 422, reason));
    await assert.rejects(connect(server.url).runs.wait("x", {}), (error) => {
      assert.ok(error instanceof type && error instanceof client.GraphwardenError);
      assert.equal(error.name, `${reason}Error`);
      assert.equal(error.message, `${reason}: no: ${reason} (trace ${"a".repeat(32)})`);
      assert.deepEqual([error.status, error.notStarted], [422, false]);
      return true;
    });
    assert.equal(server.received.length, 1);
  }
});

test("an answer of another server is an error in words", async (t) => {
  const server = await serve(t, (_, response) => {
    response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad Gateway</h1>");
  });
  const wanted = { name: "GraphwardenError", reason: "HTTP502", status: 502 };
  await assert.rejects(connect(server.url).runs.wait("x", {}), wanted);
  const page = await serve(t, (_, response) => {
    response.writeHead(200, { "content-type": "text/html" }).end("<h1>Welcome</h1>");
  });
  await assert.rejects(connect(page.url).runs.wait("x", {}), { name: "UnexpectedAnswerError" });
  const stream = connect(page.url).runs.stream("x", {});
  await assert.rejects(stream.result(), { name: "UnexpectedAnswerError" });
});

test("a graph that fails is an error with its exception's type", async (t) => {
  const values = { __error__: { error: "ValueError", message: "kaboom" } };
  const server = await serve(t, (_, response) => answer(response, 200, values, PLACE));
  await assert.rejects(connect(server.url).runs.wait("x", {}), {
    name: "RunFailedError",
    reason: "ValueError",
    detail: "kaboom",
    runId: "r1",
    traceId: "b".repeat(32),
  });
});

test("what the servers did not start is sent again, within one trace", async (t) => {
  for (const reason of client.NOT_STARTED) {
    const server = await serve(t, (_, response, number) =>
      number < 3 ? refuse(response, 503, reason) : answer(response, 200, { foo: "y" }),
    );
    const { output } = await connect(server.url).runs.wait("x", {});
    assert.deepEqual(output, { foo: "y" });
    assert.equal(server.received.length, 3);
    const traces = server.received.map((request) => request.headers.traceparent?.[0]?.slice(3, 35));
    assert.equal(new Set(traces).size, 1);
  }
});

test("what may have started is not sent again", async (t) => {
  for (const reason of ["UpstreamLost", "UpstreamTimeout", "StorageUnavailable", "Internal"]) {
    const server = await serve(t, (_, response) => refuse(response, 503, reason));
    await assert.rejects(connect(server.url).runs.wait("x", {}), { reason, notStarted: false });
    assert.equal(server.received.length, 1);
  }
  const server = await serve(t, (_, response) => response.destroy() && undefined);
  await assert.rejects(connect(server.url).runs.wait("x", {}), { name: "ConnectionLostError" });
  assert.equal(server.received.length, 1);
});

test("what only reads is sent again after a lost connection", async (t) => {
  const server = await serve(t, (_, response, number) => {
    if (number === 1) {
      response.destroy();
    } else {
      answer(response, 200, []);
    }
  });
  assert.deepEqual(await connect(server.url).assistants.search(), []);
  assert.equal(server.received.length, 2);
});

test("nobody there is an error that says so, after all attempts", async () => {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
  const { port } = free.address() as { port: number };
  await new Promise((resolve) => free.close(resolve));
  const graphs = connect(`http://127.0.0.1:${port}`);
  await assert.rejects(graphs.runs.wait("x", {}), {
    name: "ConnectionFailedError",
    detail: `no connection to http://127.0.0.1:${port}: ECONNREFUSED`,
    notStarted: true,
  });
});

test("a wait on a thread goes on after a lost connection", async (t) => {
  const server = await serve(t, async (request, response) => {
    if (request.path.endsWith("/wait")) {
      response.writeHead(200, { "content-type": "application/json", ...PLACE });
      response.write("\n", () => response.destroy());
    } else {
      answer(response, 200, { foo: "y" }, PLACE);
    }
  });
  const { output } = await connect(server.url).runs.wait("x", {}, { threadId: "t1" });
  assert.deepEqual(output, { foo: "y" });
  assert.equal(server.received[1]?.path, "/threads/t1/runs/r1/join");
  await assert.rejects(connect(server.url).runs.wait("x", {}), { runId: "r1" });
});

test("an abort is the caller's own, while it waits and between attempts", async (t) => {
  const abort = new AbortController();
  const server = await serve(t, () => abort.abort(new Error("changed my mind")));
  const options = { signal: abort.signal };
  const graphs = connect(server.url);
  await assert.rejects(graphs.runs.wait("x", {}, options), { message: "changed my mind" });
  await assert.rejects(graphs.assistants.search({}, options), { message: "changed my mind" });
  const later = new AbortController();
  const busy = await serve(t, (_, response) => {
    refuse(response, 429, "QueueFull", { "retry-after": "1" });
    setTimeout(() => later.abort(new Error("enough")), 50);
  });
  const patient = connect(busy.url, { retry: {} });
  const waiting = patient.runs.wait("x", {}, { signal: later.signal });
  await assert.rejects(waiting, { message: "enough" });
  assert.equal(busy.received.length, 1);
});

test("a call has its time, a run has as much as it needs", async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.path.startsWith("/runs")) {
      setTimeout(() => answer(response, 200, { foo: "y" }), 200);
    }
  });
  const graphs = connect(server.url, { timeouts: { callMs: 50 } });
  await assert.rejects(graphs.assistants.get("x"), { name: "CallTimeoutError" });
  assert.deepEqual((await graphs.runs.wait("x", {})).output, { foo: "y" });
  const hasty = graphs.runs.wait("x", {}, { timeoutMs: 50 });
  await assert.rejects(hasty, { name: "CallTimeoutError" });
});

test("an answer that falls silent is lost", async (t) => {
  const server = await serve(t, (_, response) => {
    response.writeHead(200, PLACE).write("\n");
  });
  const graphs = connect(server.url, { timeouts: { idleMs: 50 } });
  await assert.rejects(graphs.runs.wait("x", {}), {
    name: "ConnectionLostError",
    detail: "the answer broke off: nothing more came",
    runId: "r1",
  });
});

test("a redirect takes no key to another server", async (t) => {
  const other = await serve(t, (_, response) => answer(response, 200, {}));
  const server = await serve(t, (_, response) => {
    response.writeHead(307, { location: other.url }).end();
  });
  const graphs = connect(server.url, { apiKey: "gw_key" });
  await assert.rejects(graphs.runs.wait("x", {}), { name: "ConnectionLostError" });
  assert.equal(other.received.length, 0);
});

test("a parked thread is woken with the answers that it named", async (t) => {
  const parked = {
    metadata: { graph_id: "campaign" },
    status: "interrupted",
    interrupts: {
      a: [{ id: "i1", value: { wake_at: "2026-12-01T09:00:00+00:00", wake_with: "due" } }],
      b: [
        { id: "i2", value: { wake_at: 1_900_000_000 } },
        { id: "i3", value: { q: "ok?" } },
      ],
    },
  };
  const server = await serve(t, (request, response) =>
    answer(response, 200, request.method === "GET" ? parked : { done: true }),
  );
  await connect(server.url).threads.wake("t1");
  assert.deepEqual(server.received[1]?.body, {
    assistant_id: "campaign",
    input: null,
    command: { resume: { i1: "due", i2: true } },
  });
  const idle = { ...parked, status: "idle", interrupts: {} };
  const other = await serve(t, (_, response) => answer(response, 200, idle));
  await assert.rejects(connect(other.url).threads.wake("t1"), { reason: "NotParked" });
});

test("an address that is none is refused at once", () => {
  assert.throws(() => connect("graphs.example.com"), /`url` must be the router's/);
});
