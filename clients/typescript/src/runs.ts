import { ConnectionLostError } from "./error.js";
import type { AssistantId, ContextOf, InputOf, OutputOf } from "./graphs.js";
import { makeResult, type RunResult } from "./result.js";
import { RunStream } from "./stream.js";
import { type CallOptions, type CallRequest, parseJson, type Transport } from "./transport.js";
import type {
  Checkpoint,
  Command,
  JsonObject,
  MultitaskStrategy,
  Run,
  RunStatus,
  StreamMode,
} from "./wire.js";

/** What may be said of any run. */
export interface RunOptions<Context = JsonObject> extends CallOptions {
  /** On this thread, of a resumable graph. Without one the run has no memory. */
  threadId?: string | undefined;
  /** 1 to 255 visible ASCII characters: a call with the same key gets the run of the first. */
  idempotencyKey?: string | undefined;
  /** The graph's runtime context, over that of its GraphSpec. */
  context?: Context | undefined;
  config?: { tags?: string[]; recursion_limit?: number; configurable?: JsonObject } | undefined;
  metadata?: JsonObject | undefined;
  command?: Command | undefined;
  checkpoint?: Partial<Checkpoint> | undefined;
  interruptBefore?: "*" | string[] | undefined;
  interruptAfter?: "*" | string[] | undefined;
  /** What to do on a thread that is busy; default `enqueue`. */
  multitaskStrategy?: MultitaskStrategy | undefined;
  /** What to do about a thread that is not there; default `reject`. */
  ifNotExists?: "reject" | "create" | undefined;
  /** Whether the run ends when the caller leaves; default `continue`. */
  onDisconnect?: "continue" | "cancel" | undefined;
  durability?: "sync" | "async" | "exit" | undefined;
  /** Called with a POST when the run has ended. */
  webhook?: string | undefined;
  /** Begins so much later. */
  afterSeconds?: number | undefined;
}

export interface StreamOptions<Context = JsonObject> extends RunOptions<Context> {
  /** Default `values`. */
  streamMode?: StreamMode | StreamMode[] | undefined;
  /** Also events of the graphs inside the graph. */
  streamSubgraphs?: boolean | undefined;
  /**
   * Whether the run keeps its events, so that a broken connection is made anew where it broke.
   * Only resumable graphs can. Default: for runs on a thread.
   */
  resumable?: boolean | undefined;
}

export interface JoinOptions extends CallOptions {
  /** Of an event; `-1` for all that the run has kept. Default: only what comes from now on. */
  lastEventId?: string | undefined;
  streamMode?: StreamMode | StreamMode[] | undefined;
}

/** Runs: waited for, streamed, or left alone and looked at later. */
export class Runs<Graphs> {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Runs a graph and gives its result.
   *
   * A run on a thread is waited for again when the connection breaks. Aborting stops the waiting;
   * with `onDisconnect: "cancel"` it stops the run as well.
   */
  async wait<Id extends AssistantId<Graphs>>(
    assistantId: Id,
    input: InputOf<Graphs, Id> | null,
    options: RunOptions<ContextOf<Graphs, Id>> = {},
  ): Promise<RunResult<OutputOf<Graphs, Id>>> {
    try {
      return await this.#wait(makeRequest("/wait", assistantId, input, options));
    } catch (error) {
      if (!(error instanceof ConnectionLostError && options.threadId && error.runId)) {
        throw error;
      }
      const { signal, timeoutMs } = options;
      return await this.join(options.threadId, error.runId, { signal, timeoutMs });
    }
  }

  /** Answers a thread that waits at an interrupt, and gives the result. */
  async resume<Id extends AssistantId<Graphs>>(
    assistantId: Id,
    threadId: string,
    answer: unknown,
    options: Omit<RunOptions<ContextOf<Graphs, Id>>, "threadId"> = {},
  ): Promise<RunResult<OutputOf<Graphs, Id>>> {
    const command = { ...options.command, resume: answer };
    return await this.wait(assistantId, null, { ...options, threadId, command });
  }

  /** The events of a run, as an asynchronous iterable; it begins when it is read. */
  stream<Id extends AssistantId<Graphs>>(
    assistantId: Id,
    input: InputOf<Graphs, Id> | null,
    options: StreamOptions<ContextOf<Graphs, Id>> = {},
  ): RunStream<OutputOf<Graphs, Id>> {
    const isKept = options.resumable ?? options.threadId !== undefined;
    const { streamMode, streamSubgraphs } = options;
    const request = makeRequest("/stream", assistantId, input, options, {
      stream_mode: streamMode ?? ["values"],
      stream_subgraphs: streamSubgraphs,
      stream_resumable: isKept || undefined,
    });
    return new RunStream(this.#transport, request, { isKept });
  }

  /** Begins a run that nobody waits for. */
  async create<Id extends AssistantId<Graphs>>(
    assistantId: Id,
    input: InputOf<Graphs, Id> | null,
    options: StreamOptions<ContextOf<Graphs, Id>> = {},
  ): Promise<Run> {
    const { streamMode, streamSubgraphs, resumable } = options;
    const request = makeRequest("", assistantId, input, options, {
      stream_mode: streamMode,
      stream_subgraphs: streamSubgraphs,
      stream_resumable: resumable,
    });
    return await this.#transport.json<Run>({ ...request, isRun: false });
  }

  /** Waits for the end of a run that has begun. */
  async join<Output = JsonObject>(
    threadId: string,
    runId: string,
    options: CallOptions = {},
  ): Promise<RunResult<Output>> {
    const path = `${makeRunPath(threadId, runId)}/join`;
    return await this.#wait<Output>({ method: "GET", path, isRead: true, isRun: true, ...options });
  }

  /** The events of a run that has begun. */
  joinStream<Output = JsonObject>(
    threadId: string,
    runId: string,
    { lastEventId, streamMode, ...options }: JoinOptions = {},
  ): RunStream<Output> {
    const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
    const request = {
      method: "GET",
      path: `${makeRunPath(threadId, runId)}/stream`,
      query: { stream_mode: streamMode },
      isRead: true,
      ...options,
      headers: { ...options.headers, ...headers },
    };
    const isKept = lastEventId !== undefined;
    return new RunStream(this.#transport, request, { isKept, lastEventId });
  }

  async get(threadId: string, runId: string, options: CallOptions = {}): Promise<Run> {
    const path = makeRunPath(threadId, runId);
    return await this.#transport.json({ method: "GET", path, isRead: true, ...options });
  }

  /** The runs of a thread, the newest first. */
  async list(
    threadId: string,
    query: { status?: RunStatus; limit?: number; offset?: number } = {},
    options: CallOptions = {},
  ): Promise<Run[]> {
    const path = `/threads/${encodeURIComponent(threadId)}/runs`;
    return await this.#transport.json({ method: "GET", path, query, isRead: true, ...options });
  }

  /** Stops a run; `rollback` also undoes what it did to its thread. Resolves when it has ended. */
  async cancel(
    threadId: string,
    runId: string,
    { action, ...options }: CallOptions & { action?: "interrupt" | "rollback" } = {},
  ): Promise<void> {
    const path = `${makeRunPath(threadId, runId)}/cancel`;
    const query = { wait: 1, action };
    await this.#transport.json({ method: "POST", path, query, isRun: true, ...options });
  }

  async #wait<Output>(request: CallRequest): Promise<RunResult<Output>> {
    const [text, reply] = await this.#transport.text(request);
    return makeResult<Output>(parseJson(text, reply), reply);
  }
}

function makeRequest<Context>(
  call: string,
  assistantId: string,
  input: unknown,
  options: RunOptions<Context>,
  more: JsonObject = {},
): CallRequest {
  const { threadId, idempotencyKey, headers, signal, timeoutMs } = options;
  const place = threadId === undefined ? "" : `/threads/${encodeURIComponent(threadId)}`;
  const key = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
  return {
    method: "POST",
    path: `${place}/runs${call}`,
    body: { assistant_id: assistantId, input, ...makeBody(options), ...more },
    headers: { ...headers, ...key },
    signal,
    timeoutMs,
    assistantId,
    isRun: true,
  };
}

/** The fields of the API; those that are undefined do not travel. */
function makeBody<Context>(options: RunOptions<Context>): JsonObject {
  return {
    command: options.command,
    context: options.context,
    config: options.config,
    metadata: options.metadata,
    checkpoint: options.checkpoint,
    interrupt_before: options.interruptBefore,
    interrupt_after: options.interruptAfter,
    multitask_strategy: options.multitaskStrategy,
    if_not_exists: options.ifNotExists,
    on_disconnect: options.onDisconnect,
    durability: options.durability,
    webhook: options.webhook,
    after_seconds: options.afterSeconds,
  };
}

function makeRunPath(threadId: string, runId: string): string {
  return `/threads/${encodeURIComponent(threadId)}/runs/${encodeURIComponent(runId)}`;
}
