// The vendor's JavaScript client against a router: what it reads must be what was written.
import assert from "node:assert/strict";
import { Client } from "@langchain/langgraph-sdk";

const client = new Client({ apiUrl: process.argv[2] });
const input = { foo: "x" };

async function collect(stream) {
  const events = [];
  for await (const chunk of stream) events.push(chunk.event);
  return events;
}

const graphs = (await client.assistants.search({ limit: 20 })).map((found) => found.graph_id);
assert.deepEqual(graphs.sort(), ["asking", "echo", "kept", "kept_slow"]);

const { thread_id: thread } = await client.threads.create({ metadata: { owner: "js" } });
assert.equal((await client.runs.wait(thread, "kept", { input })).foo, "xab");

let created;
const asked = {
  input,
  streamMode: ["values", "updates", "custom"],
  streamResumable: true,
  onRunCreated: (run) => { created = run; },
};
const seen = await collect(client.runs.stream(thread, "kept", asked));
assert.deepEqual(seen, ["metadata", "values", "custom", "updates", "values", "updates", "values", "end"]);
assert.equal(created.thread_id, thread);
const again = await collect(client.runs.joinStream(thread, created.run_id, { lastEventId: "-1" }));
assert.deepEqual(again, seen);

const { thread_id: waiting } = await client.threads.create();
const question = await client.runs.wait(waiting, "asking", { input });
assert.deepEqual(question.__interrupt__[0].value, { q: "ok?" });
assert.deepEqual((await client.threads.getState(waiting)).next, ["ask"]);
const answer = await client.runs.wait(waiting, "asking", { command: { resume: "yes" } });
assert.deepEqual(answer, { foo: "xbyes", log: ["b", "asked"] });
assert.equal((await client.threads.getHistory(waiting)).length, 4);

const slow = await client.runs.create(thread, "kept_slow", { input: { foo: "5" } });
await client.runs.cancel(thread, slow.run_id, true);
assert.equal((await client.runs.get(thread, slow.run_id)).status, "interrupted");

const cron = await client.crons.create("kept", { schedule: "0 9 * * *", input });
assert.ok(cron.next_run_date);
await client.crons.delete(cron.cron_id);

await client.store.putItem(["a"], "k", { v: 1 });
assert.deepEqual((await client.store.getItem(["a"], "k")).value, { v: 1 });

assert.equal((await client.threads.search({ metadata: { owner: "js" } })).length, 1);
await client.threads.delete(thread);
await assert.rejects(client.threads.get(thread), (error) => error.status === 404);
await assert.rejects(client.runs.wait(null, "nobody", {}), (error) => error.status === 422);
