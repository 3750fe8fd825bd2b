// The TypeScript client in Chromium, on a page of another origin than the router's.
// node client.mjs ROUTER_URL CLIENT_FOLDER
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { launch } from "./browser.mjs";

const [router, folder] = process.argv.slice(2);

const site = createServer(async (request, response) => {
  if (!/^\/src\/[\w-]+\.js$/.test(request.url)) {
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>page</title>");
    return;
  }
  const text = await readFile(join(folder, "dist", request.url));
  response.writeHead(200, { "content-type": "text/javascript" }).end(text);
});
await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));

// What follows runs in the page.
async function callTheFleet(url) {
  const ours = await import("/src/index.js");
  const seen = {};
  const graphs = ours.createClient({ url, apiKey: "gw_key" });
  const input = { foo: "x" };

  const waited = await graphs.runs.wait("echo", input);
  seen.output = waited.output;
  seen.hasIds = /^[0-9a-f]{32}$/.test(waited.traceId) && waited.runId !== undefined;

  const options = { idempotencyKey: crypto.randomUUID() };
  const first = await graphs.runs.wait("echo", input, options);
  const second = await graphs.runs.wait("echo", input, options);
  seen.isReplay = [first.isReplay, second.isReplay, first.runId === second.runId];

  const { thread_id: threadId } = await graphs.threads.create();
  const stream = graphs.runs.stream("kept", input, { threadId, streamMode: ["values", "updates"] });
  seen.events = [];
  for await (const { event } of stream) {
    seen.events.push(event);
  }
  const again = graphs.runs.joinStream(threadId, stream.runId, { lastEventId: "-1" });
  seen.replayed = [];
  for await (const { event } of again) {
    seen.replayed.push(event);
  }

  const abort = new AbortController();
  const slow = { threadId, signal: abort.signal, onDisconnect: "cancel" };
  const leaving = graphs.runs.stream("kept_slow", { foo: "30" }, slow);
  seen.abort = await (async () => {
    for await (const _ of leaving) {
      abort.abort(new Error("enough"));
    }
  })().catch((error) => error.message);
  do {
    seen.status = (await graphs.runs.get(threadId, leaving.runId)).status;
  } while (["pending", "running"].includes(seen.status));

  const failed = await graphs.runs.wait("nobody", input).catch((error) => error);
  seen.error = [failed instanceof ours.UnknownAssistantError, failed.status, failed.traceId.length];
  await graphs.threads.delete(threadId);
  return seen;
}

const browser = await launch();
try {
  const page = await browser.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  const seen = await page.evaluate(callTheFleet, router);
  const events = ["metadata", "values", "updates", "values", "updates", "values"];
  assert.deepEqual(seen, {
    output: { foo: "xab", log: ["a", "b"] },
    hasIds: true,
    isReplay: [false, true, true],
    events,
    replayed: events,
    abort: "enough",
    status: "interrupted",
    error: [true, 422, 32],
  });
  assert.deepEqual(problems, []);
} finally {
  await browser.close();
  site.close();
}
