import { UnexpectedAnswerError } from "./error.js";
import type { RunResult } from "./result.js";
import type { Runs } from "./runs.js";
import type { CallOptions, CallRequest, Transport } from "./transport.js";
import type {
  Checkpoint,
  Interrupt,
  JsonObject,
  Thread,
  ThreadState,
  ThreadStatus,
} from "./wire.js";

export interface ThreadQuery {
  ids?: string[];
  metadata?: JsonObject;
  values?: JsonObject;
  status?: ThreadStatus;
  limit?: number;
  offset?: number;
  sortBy?: "thread_id" | "status" | "created_at" | "updated_at" | "state_updated_at";
  sortOrder?: "asc" | "desc";
}

/** Threads: what resumable graphs remember. */
export class Threads<Graphs> {
  readonly #transport: Transport;
  readonly #runs: Runs<Graphs>;

  constructor(transport: Transport, runs: Runs<Graphs>) {
    this.#transport = transport;
    this.#runs = runs;
  }

  async create(
    thread: { threadId?: string; metadata?: JsonObject; ifExists?: "raise" | "do_nothing" } = {},
    options: CallOptions = {},
  ): Promise<Thread> {
    const { threadId, metadata, ifExists } = thread;
    const body = { thread_id: threadId, metadata, if_exists: ifExists };
    return await this.#transport.json({ method: "POST", path: "/threads", body, ...options });
  }

  async get<Values = JsonObject>(
    threadId: string,
    options: CallOptions = {},
  ): Promise<Thread<Values>> {
    return await this.#call({ method: "GET", isRead: true, ...options }, threadId);
  }

  /** Adds to a thread's metadata. */
  async update(threadId: string, metadata: JsonObject, options: CallOptions = {}): Promise<Thread> {
    return await this.#call({ method: "PATCH", body: { metadata }, ...options }, threadId);
  }

  async delete(threadId: string, options: CallOptions = {}): Promise<void> {
    await this.#call({ method: "DELETE", ...options }, threadId);
  }

  /** The newest first, unless the query says otherwise. */
  async search(query: ThreadQuery = {}, options: CallOptions = {}): Promise<Thread[]> {
    const { sortBy, sortOrder, ...rest } = query;
    const body = { sort_by: sortBy, sort_order: sortOrder, ...rest };
    const path = "/threads/search";
    return await this.#transport.json({ method: "POST", path, body, isRead: true, ...options });
  }

  async state<Values = JsonObject>(
    threadId: string,
    { checkpointId, ...options }: CallOptions & { checkpointId?: string } = {},
  ): Promise<ThreadState<Values>> {
    const what = checkpointId === undefined ? "" : `/${encodeURIComponent(checkpointId)}`;
    const request = { method: "GET", isRead: true, ...options };
    return await this.#call(request, threadId, `/state${what}`);
  }

  /** Edits the state as if a node had written it. */
  async updateState(
    threadId: string,
    values: unknown,
    {
      asNode,
      checkpointId,
      ...options
    }: CallOptions & { asNode?: string; checkpointId?: string } = {},
  ): Promise<{ checkpoint: Checkpoint; checkpoint_id: string }> {
    const body = { values, as_node: asNode, checkpoint_id: checkpointId };
    return await this.#call({ method: "POST", body, ...options }, threadId, "/state");
  }

  /** The states that the thread has had, the newest first. */
  async history<Values = JsonObject>(
    threadId: string,
    { limit, before, ...options }: CallOptions & { limit?: number; before?: string } = {},
  ): Promise<ThreadState<Values>[]> {
    const request = { method: "POST", body: { limit, before }, isRead: true, ...options };
    return await this.#call(request, threadId, "/history");
  }

  /**
   * Wakes a parked thread as if its time had come: each interrupt with a `wake_at` gets the answer
   * that its `wake_with` names, or `true`.
   *
   * @throws UnexpectedAnswerError when the thread is not parked.
   */
  async wake(threadId: string, options: CallOptions = {}): Promise<RunResult<JsonObject>> {
    const { signal } = options;
    const thread = await this.get(threadId, { signal });
    const answers = makeWakeAnswers(Object.values(thread.interrupts).flat());
    if (Object.keys(answers).length === 0) {
      const detail = `thread ${threadId} is ${thread.status} and waits for no time`;
      throw new UnexpectedAnswerError({ reason: "NotParked", detail, threadId });
    }
    const graph = thread.metadata.graph_id as keyof Graphs & string;
    return (await this.#runs.resume(graph, threadId, answers, options)) as RunResult<JsonObject>;
  }

  async #call<T>(request: Omit<CallRequest, "path">, threadId: string, what = ""): Promise<T> {
    const path = `/threads/${encodeURIComponent(threadId)}${what}`;
    return await this.#transport.json<T>({ ...request, path });
  }
}

/** The answers by interrupt id, which LangGraph takes as one. */
function makeWakeAnswers(interrupts: Interrupt[]): Record<string, unknown> {
  const answers: Record<string, unknown> = {};
  for (const { id, value } of interrupts) {
    if (typeof value === "object" && value !== null && "wake_at" in value) {
      answers[id] = "wake_with" in value ? value.wake_with : true;
    }
  }
  return answers;
}
