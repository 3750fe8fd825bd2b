import assert from "node:assert/strict";
import test from "node:test";
import * as otel from "@opentelemetry/api";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { createClient } from "../src/index.js";
import { answer, serve } from "./server.js";

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();
const instrumentation = new UndiciInstrumentation();
instrumentation.setTracerProvider(provider);
instrumentation.enable();

test("with the instrumentation of undici there is one traceparent, and it is its span's", async (t) => {
  t.after(() => instrumentation.disable());
  const server = await serve(t, (_, response) => answer(response, 200, {}));
  const graphs = createClient({ url: server.url });
  const result = await otel.trace.getTracer("test").startActiveSpan("launch", async (span) => {
    const done = await graphs.runs.wait("x", {});
    span.end();
    return done;
  });
  const [request, launch] = exporter.getFinishedSpans();
  assert.deepEqual([request?.name, launch?.name], ["POST", "launch"]);
  const { traceId, spanId } = request?.spanContext() ?? {};
  assert.deepEqual(server.received[0]?.headers.traceparent, [`00-${traceId}-${spanId}-01`]);
  assert.equal(result.traceId, launch?.spanContext().traceId);
  assert.equal(request?.parentSpanContext?.spanId, launch?.spanContext().spanId);
});

test("it is one in every case: no active span, OpenTelemetry turned off, a header of the caller", async (t) => {
  instrumentation.enable();
  t.after(() => instrumentation.disable());
  const server = await serve(t, (_, response) => answer(response, 200, {}));
  await createClient({ url: server.url }).runs.wait("x", {});
  await createClient({ url: server.url, tracing: { api: false } }).runs.wait("x", {});
  const headers = { traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01` };
  await createClient({ url: server.url }).runs.wait("x", {}, { headers });
  for (const { headers } of server.received) {
    assert.equal(headers.traceparent?.length, 1);
  }
});
