import assert from "node:assert/strict";
import test from "node:test";
import * as otel from "@opentelemetry/api";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { createClient, type TracedCall } from "../src/index.js";
import { filterBaggage, parseTraceId } from "../src/trace.js";
import { answer, type Server, serve } from "./server.js";

const PARENT = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
const VALID = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/;

function read(server: Server, name: string, at = -1): string {
  const sent = server.received.at(at)?.headers[name] ?? [];
  assert.equal(sent.length, 1, `${name} was sent ${sent.length} times`);
  return sent[0] as string;
}

test("a caller without OpenTelemetry gets a trace of its own for each call", async (t) => {
  const server = await serve(t, (_, response) => answer(response, 200, {}));
  const graphs = createClient({ url: server.url, tracing: { api: false } });
  const first = await graphs.runs.wait("x", {});
  const second = await graphs.runs.wait("x", {});
  assert.match(read(server, "traceparent"), VALID);
  assert.equal(parseTraceId(read(server, "traceparent", 0)), first.traceId);
  assert.notEqual(first.traceId, second.traceId);
});

test("a traceparent of the caller stays as it is", async (t) => {
  const server = await serve(t, (_, response) => answer(response, 200, {}));
  const graphs = createClient({ url: server.url });
  const { traceId } = await graphs.runs.wait("x", {}, { headers: { traceparent: PARENT } });
  assert.equal(read(server, "traceparent"), PARENT);
  assert.equal(traceId, "1".repeat(32));
});

test("the trace is told when the answer begins", async (t) => {
  const place = { "content-location": "/threads/t1/runs/r1", "x-trace-id": "b".repeat(32) };
  const server = await serve(t, (_, response) => answer(response, 200, {}, place));
  const told: TracedCall[] = [];
  const tracing = { onTrace: (call: TracedCall) => told.push(call) };
  await createClient({ url: server.url, tracing }).runs.wait("x", {});
  assert.deepEqual(told, [
    {
      traceId: "b".repeat(32),
      method: "POST",
      path: "/runs/wait",
      status: 200,
      assistantId: "x",
      runId: "r1",
      threadId: "t1",
    },
  ]);
});

test("the active span is the parent, and only our baggage travels", async (t) => {
  const provider = new NodeTracerProvider();
  provider.register();
  t.after(() => provider.shutdown());
  const server = await serve(t, (_, response) => answer(response, 200, {}));
  const tracer = otel.trace.getTracer("test");
  for (const tracing of [{}, { api: otel }]) {
    const graphs = createClient({ url: server.url, tracing });
    await tracer.startActiveSpan("campaign.launch", async (span) => {
      const entries = { assistant_id: { value: "x" }, email: { value: "ada@example.com" } };
      const baggage = otel.propagation.createBaggage(entries);
      const active = otel.propagation.setBaggage(otel.context.active(), baggage);
      const result = await otel.context.with(active, () => graphs.runs.wait("x", {}));
      span.end();
      const { traceId, spanId } = span.spanContext();
      assert.equal(read(server, "traceparent"), `00-${traceId}-${spanId}-01`);
      assert.equal(read(server, "baggage"), "assistant_id=x");
      assert.equal(result.traceId, traceId);
    });
  }
  await createClient({ url: server.url }).runs.wait("x", {});
  assert.match(read(server, "traceparent"), VALID);
});

test("baggage that is not ours stays here", () => {
  const header = "user=ada@example.com, thread_id=t1;ttl=3 ,capability=email,assistant_id2=x";
  assert.equal(filterBaggage(header), "thread_id=t1;ttl=3,capability=email");
  assert.equal(filterBaggage("user=ada"), "");
});

test("a traceparent that is none has no trace", () => {
  for (const header of [null, "", "00-1-2-01", `${PARENT}x`, PARENT.replace("1", "A")]) {
    assert.equal(parseTraceId(header), undefined);
  }
});
