import { Assistants } from "./assistants.js";
import type { AnyGraphs, Fleet } from "./graphs.js";
import { Runs } from "./runs.js";
import { Threads } from "./threads.js";
import { Traces } from "./traces.js";
import { type CallOptions, type CallRequest, type ClientOptions, Transport } from "./transport.js";

/** A fleet of graphs behind one router. It holds no connection, and need not be closed. */
export class Client<Graphs extends Fleet<Graphs> = AnyGraphs> {
  readonly #transport: Transport;
  readonly assistants: Assistants;
  readonly runs: Runs<Graphs>;
  readonly threads: Threads<Graphs>;
  readonly traces: Traces;

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
    this.assistants = new Assistants(this.#transport);
    this.runs = new Runs(this.#transport);
    this.threads = new Threads(this.#transport, this.runs);
    this.traces = new Traces(this.#transport);
  }

  /** Any other call of the LangGraph API, with the same headers, times and errors. */
  async request<T>(
    method: string,
    path: string,
    options: CallOptions & Pick<CallRequest, "query" | "body" | "isRead"> = {},
  ): Promise<T> {
    const isRead = method === "GET";
    return await this.#transport.json<T>({ method, path, isRead, ...options });
  }
}

/**
 * A client of the router at `url`.
 *
 * With the interface that `graphwarden-types` writes, inputs and outputs have the types of the
 * graphs: `createClient<Graphs>({ url })`.
 */
export function createClient<Graphs extends Fleet<Graphs> = AnyGraphs>(
  options: ClientOptions,
): Client<Graphs> {
  return new Client(options);
}
