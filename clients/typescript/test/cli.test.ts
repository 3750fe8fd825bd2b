import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { answer, refuse, type Server, serve } from "./server.js";

const PROGRAM = fileURLToPath(new URL("../bin/graphwarden-types.js", import.meta.url));
const SCHEMA = { type: "object", properties: { foo: { type: "string" } } };

interface Ended {
  code: number;
  out: string;
  error: string;
}

function run(...flags: string[]): Promise<Ended> {
  const env = { ...process.env, GRAPHWARDEN_API_KEY: "gw_key" };
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...flags], { env }, (failed, out, error) => {
      resolve({ code: Number(failed?.code ?? 0), out, error });
    });
  });
}

/** A fleet of so many graphs, searched page by page. */
function serveFleet(t: TestContext, size: number): Promise<Server> {
  const graphs = Array.from({ length: size }, (_, number) => ({ graph_id: `graph_${number}` }));
  return serve(t, ({ path, body }, response) => {
    if (path === "/assistants/search") {
      const { offset, limit } = body as { offset: number; limit: number };
      answer(response, 200, graphs.slice(offset, offset + limit));
    } else {
      const schemas = { input_schema: SCHEMA, output_schema: SCHEMA, context_schema: null };
      answer(response, 200, schemas);
    }
  });
}

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "graphwarden-types-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

test("the types of a whole fleet are written, and found unchanged", async (t) => {
  const server = await serveFleet(t, 205);
  const out = join(await makeFolder(t), "graphs.ts");
  const flags = ["--url", server.url, "--out", out];
  assert.deepEqual(await run(...flags), { code: 0, out: "", error: "" });
  assert.equal((await readFile(out, "utf8")).match(/declare namespace/g)?.length, 205);
  assert.ok(server.received.every(({ headers }) => headers["x-api-key"]?.join() === "gw_key"));
  assert.equal((await run(...flags, "--check")).code, 0);
});

test("a file that differs or is missing fails the check, and stays as it is", async (t) => {
  const server = await serveFleet(t, 1);
  const out = join(await makeFolder(t), "graphs.ts");
  const flags = ["--url", server.url, "--out", out, "--check"];
  const error = `${out} differs from the graphs of ${server.url}; run: graphwarden-types --url ${server.url} --out ${out}\n`;
  assert.deepEqual(await run(...flags), { code: 1, out: "", error });
  await writeFile(out, "// mine\n");
  assert.equal((await run(...flags)).code, 1);
  assert.equal(await readFile(out, "utf8"), "// mine\n");
});

test("one graph alone is asked for by its name", async (t) => {
  const server = await serveFleet(t, 3);
  const { out } = await run("--url", server.url, "--graph", "graph_1");
  assert.match(out, /declare namespace Graph1 {/);
  assert.deepEqual(
    server.received.map(({ path }) => path),
    ["/assistants/graph_1/schemas"],
  );
});

test("what cannot be done is said in a line, and nothing is written", async (t) => {
  const server = await serve(t, (_, response) => refuse(response, 422, "UnknownAssistant"));
  const folder = await makeFolder(t);
  const out = join(folder, "graphs.ts");
  const failed = await run("--url", server.url, "--graph", "nobody", "--out", out);
  assert.equal(failed.code, 1);
  assert.match(failed.error, /^graphwarden-types: the schemas of 'nobody' cannot be had: .*\n$/);
  await assert.rejects(readFile(out), { code: "ENOENT" });
  const fleet = await serveFleet(t, 1);
  for (const flags of [
    ["--url", "example.com"],
    ["--url", fleet.url, "--out", folder],
    ["--nonsense"],
  ]) {
    const { code, error } = await run(...flags);
    assert.equal(code, 1);
    assert.match(error, /^graphwarden-types: .*\n/);
    assert.doesNotMatch(error, /\n {4}at /);
  }
  assert.match((await run()).error, /^usage: graphwarden-types/);
  assert.match((await run("--help")).out, /^usage: graphwarden-types/);
});
