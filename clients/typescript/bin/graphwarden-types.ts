#!/usr/bin/env node
/** Writes the types of a fleet's graphs: `graphwarden-types --url URL --out graphs.ts`. */

import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { createClient, GraphwardenError } from "../src/index.js";
import { readFleet, SchemasMissingError } from "./fleet.js";
import { renderModule } from "./render.js";

const USAGE = `usage: graphwarden-types --url URL [--graph NAME ...] [--out FILE [--check]]

Writes the types of a fleet's graphs, for createClient<Graphs>().

  --url URL     the router, such as http://127.0.0.1:8123
  --graph NAME  only this graph; may be repeated
  --out FILE    the file to write; without it the types are printed
  --check       write nothing, and fail when the file differs

A key for the router is taken from the environment: GRAPHWARDEN_API_KEY.
`;

async function main(): Promise<number> {
  const { url, graph, out, check, help } = parseArguments();
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (url === undefined || (check && out === undefined)) {
    process.stderr.write(USAGE);
    return 2;
  }
  const apiKey = process.env.GRAPHWARDEN_API_KEY;
  const client = createClient({ url, ...(apiKey ? { apiKey } : {}) });
  const text = renderModule(await readFleet(client, graph));
  if (out === undefined) {
    process.stdout.write(text);
  } else if (!check) {
    await writeFile(out, text);
  } else if ((await readIfThere(out)) !== text) {
    const again = `graphwarden-types --url ${url} --out ${out}`;
    process.stderr.write(`${out} differs from the graphs of ${url}; run: ${again}\n`);
    return 1;
  }
  return 0;
}

function parseArguments() {
  const { values } = parseArgs({
    options: {
      url: { type: "string" },
      graph: { type: "string", multiple: true, default: [] },
      out: { type: "string" },
      check: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  return values;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

/** What the user can do something about needs no stack. */
function isExplained(error: unknown): error is Error {
  const { code } = error as { code?: unknown };
  return (
    error instanceof GraphwardenError ||
    error instanceof SchemasMissingError ||
    (typeof code === "string" && /^E[A-Z_]+$/.test(code))
  );
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!isExplained(error)) {
    throw error;
  }
  process.stderr.write(`graphwarden-types: ${error.message}\n`);
  process.exitCode = 1;
}
