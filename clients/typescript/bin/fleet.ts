import { type Client, GraphwardenError } from "../src/index.js";
import type { CallSchemas } from "./render.js";

const PAGE = 100;

/** The schemas of a graph cannot be had; the message says why. */
export class SchemasMissingError extends Error {
  override readonly name = "SchemasMissingError";
}

/** The schemas of all graphs of a fleet, or of those that are named. */
export async function readFleet(
  client: Client,
  wanted: string[],
): Promise<Record<string, CallSchemas>> {
  const graphs = wanted.length > 0 ? wanted : await listGraphs(client);
  const found: Record<string, CallSchemas> = {};
  for (const graph of graphs) {
    found[graph] = await readSchemas(client, graph);
  }
  return found;
}

async function listGraphs(client: Client): Promise<string[]> {
  const graphs: string[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const query = { metadata: { created_by: "system" }, limit: PAGE, offset };
    const page = await client.assistants.search(query);
    graphs.push(...page.map((assistant) => assistant.graph_id));
    if (page.length < PAGE) {
      return graphs;
    }
  }
}

async function readSchemas(client: Client, graph: string): Promise<CallSchemas> {
  try {
    return await client.assistants.schemas(graph);
  } catch (error) {
    if (error instanceof GraphwardenError) {
      throw new SchemasMissingError(`the schemas of '${graph}' cannot be had: ${error.message}`);
    }
    throw error;
  }
}
