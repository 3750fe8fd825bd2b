import type { CallOptions, Transport } from "./transport.js";
import type { Assistant, GraphDrawing, GraphSchemas, JsonObject } from "./wire.js";

export interface AssistantQuery {
  graphId?: string;
  /** A part of the name, in upper or lower case. */
  name?: string;
  metadata?: JsonObject;
  limit?: number;
  offset?: number;
}

/** The graphs of the fleet, and what was made of them by the API. */
export class Assistants {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async search(query: AssistantQuery = {}, options: CallOptions = {}): Promise<Assistant[]> {
    const { graphId, ...rest } = query;
    const body = { graph_id: graphId, ...rest };
    const path = "/assistants/search";
    return await this.#transport.json({ method: "POST", path, body, isRead: true, ...options });
  }

  async get(assistantId: string, options: CallOptions = {}): Promise<Assistant> {
    return await this.#read(assistantId, "", {}, options);
  }

  /** What the graph takes and gives, as JSON Schema. */
  async schemas(assistantId: string, options: CallOptions = {}): Promise<GraphSchemas> {
    return await this.#read(assistantId, "/schemas", {}, options);
  }

  /** Its nodes and edges; `xray` also those of graphs inside it, so many levels deep. */
  async graph(
    assistantId: string,
    { xray, ...options }: CallOptions & { xray?: boolean | number } = {},
  ): Promise<GraphDrawing> {
    return await this.#read(assistantId, "/graph", { xray }, options);
  }

  async #read<T>(
    assistantId: string,
    what: string,
    query: { xray?: boolean | number | undefined },
    options: CallOptions,
  ): Promise<T> {
    const path = `/assistants/${encodeURIComponent(assistantId)}${what}`;
    return await this.#transport.json<T>({ method: "GET", path, query, isRead: true, ...options });
  }
}
