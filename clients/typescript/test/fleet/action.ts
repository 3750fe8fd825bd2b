/**
 * What a traced program does for its users, for a test of whole traces: a pipeline that asks, and
 * is answered at once; then an answer to a campaign, which is an action of its own.
 *
 *     GRAPHWARDEN_URL=... OTEL_EXPORTER_OTLP_ENDPOINT=... node action.js '<input of pipeline>'
 *
 * Prints what the actions came to, as JSON.
 */

import * as otel from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { createClient } from "../../src/index.js";

const PIPELINE = "pipeline-action";

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "sales-client" }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();
const instrumentation = new UndiciInstrumentation();
instrumentation.setTracerProvider(provider);

const graphs = createClient({ url: process.env.GRAPHWARDEN_URL ?? "" });
const tracer = otel.trace.getTracer("sales-client");

/** Something that a user does: the root of a trace. */
async function act<T>(name: string, work: () => Promise<T>): Promise<T & { traceId: string }> {
  return await tracer.startActiveSpan(name, async (span) => {
    const told = await work();
    span.end();
    return { ...told, traceId: span.spanContext().traceId };
  });
}

const launch = await act("campaign.launch", async () => {
  const input = JSON.parse(process.argv[2] ?? "{}");
  const asked = await graphs.runs.wait("pipeline", input, {
    threadId: PIPELINE,
    ifNotExists: "create",
  });
  const done = await graphs.runs.resume("pipeline", PIPELINE, { approved: true, by: "kim" });
  const { status, threads } = done.output;
  return { questions: asked.interrupts.length, status, threads: threads as string[] };
});

const answer = await act("campaign.answer", async () => {
  const reply = { text: "Please stop writing to me" };
  const { output } = await graphs.runs.resume("campaign", launch.threads[0] ?? "", { reply });
  return { status: output.status, stop_reason: output.stop_reason };
});

console.log(JSON.stringify({ launch, answer }));
await provider.shutdown();
