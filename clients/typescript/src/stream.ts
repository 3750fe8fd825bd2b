import { sleep } from "./clock.js";
import { ConnectionLostError, UnexpectedAnswerError } from "./error.js";
import { makeEvent, type StreamEvent } from "./events.js";
import { makeResult, makeRunError, type RunResult } from "./result.js";
import { EventParser, type ServerEvent } from "./sse.js";
import { type CallRequest, parseJson, type Reply, type Transport } from "./transport.js";

/** How often a stream is taken up again in a row without one new event. */
const FRUITLESS_JOINS = 5;
const FIRST_PAUSE_MS = 250;

/**
 * The events of a run, each once and in order: `for await (const event of stream)`.
 *
 * The run begins with the iteration. Leaving the loop closes the connection. Where the run keeps
 * its events, a connection that breaks is made anew from the last event on.
 */
export class RunStream<Output> implements AsyncIterable<StreamEvent<Output>> {
  readonly #transport: Transport;
  readonly #request: CallRequest;
  readonly #isKept: boolean;
  #reply: Reply | undefined;
  #isRead = false;
  /** The id of the last event that came, where the run keeps its events. */
  lastEventId: string | undefined;

  /** `isKept`: the run keeps its events, so that they can be read again. */
  constructor(
    transport: Transport,
    request: CallRequest,
    { isKept, lastEventId }: { isKept: boolean; lastEventId?: string | undefined },
  ) {
    this.#transport = transport;
    this.#request = { ...request, isRun: true, accept: "text/event-stream" };
    this.#isKept = isKept;
    this.lastEventId = lastEventId;
  }

  /** Known from the first event on. */
  get runId(): string | undefined {
    return this.#reply?.runId;
  }

  /** Known from the first event on. */
  get threadId(): string | undefined {
    return this.#reply?.threadId;
  }

  /** Known from the first event on. */
  get traceId(): string | undefined {
    return this.#reply?.traceId;
  }

  /** Reads all events, and gives what the last `values` told. */
  async result(): Promise<RunResult<Output>> {
    let values: unknown;
    for await (const event of this) {
      if (event.event === "values") {
        values = event.data;
      }
    }
    return makeResult(values, this.#place);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamEvent<Output>, void> {
    if (this.#isRead) {
      throw new TypeError("a stream can be read once; keep its events, or join the run again");
    }
    this.#isRead = true;
    let request = this.#request;
    for (let fruitless = 0; ; fruitless += 1) {
      const before = this.lastEventId;
      try {
        yield* this.#read(request);
        return;
      } catch (error) {
        fruitless = this.lastEventId === before ? fruitless : 0;
        if (!(error instanceof ConnectionLostError) || fruitless >= FRUITLESS_JOINS) {
          throw error;
        }
        request = this.#makeJoin(error);
      }
      await sleep(FIRST_PAUSE_MS * 2 ** fruitless, this.#request.signal);
    }
  }

  async *#read(request: CallRequest): AsyncGenerator<StreamEvent<Output>, void> {
    const reply = await this.#transport.open(request);
    this.#reply = { ...reply, isReplay: reply.isReplay || (this.#reply?.isReplay ?? false) };
    const parser = new EventParser();
    requireEventStream(reply);
    for await (const piece of this.#transport.readPieces(reply, request.signal)) {
      for (const event of parser.push(piece)) {
        if (event.event === "end") {
          return;
        }
        yield this.#accept(event, reply);
      }
    }
    const { traceId, runId, threadId } = reply;
    const detail = "the stream ended before its run";
    throw new ConnectionLostError({ reason: "ConnectionLost", detail, traceId, runId, threadId });
  }

  #accept(event: ServerEvent, reply: Reply): StreamEvent<Output> {
    const data = parseJson(event.data, reply);
    if (event.event === "error") {
      throw makeRunError(data, this.#place);
    }
    this.lastEventId = event.id ?? this.lastEventId;
    return makeEvent(event.event, data, event.id);
  }

  /** The call that reads on where the connection broke; throws where there is none. */
  #makeJoin(error: ConnectionLostError): CallRequest {
    const runId = error.runId ?? this.runId;
    const threadId = error.threadId ?? this.threadId;
    if (!this.#isKept || runId === undefined) {
      throw error;
    }
    const { signal, timeoutMs, headers } = this.#request;
    const place = threadId === undefined ? "" : `/threads/${threadId}`;
    return {
      method: "GET",
      path: `${place}/runs/${runId}/stream`,
      headers: { ...headers, "last-event-id": this.lastEventId ?? "-1" },
      signal,
      timeoutMs,
      traceId: error.traceId ?? this.traceId,
      isRead: true,
      isRun: true,
      accept: "text/event-stream",
    };
  }

  get #place() {
    const { runId, threadId, traceId, isReplay = false } = this.#reply ?? {};
    return { runId, threadId, traceId, isReplay };
  }
}

function requireEventStream(reply: Reply): void {
  const type = reply.response.headers.get("content-type") ?? "nothing";
  if (!type.startsWith("text/event-stream")) {
    const { traceId } = reply;
    const detail = `the answer is ${type}, not a stream of events`;
    reply.watch.abort();
    throw new UnexpectedAnswerError({ reason: "UnexpectedAnswer", detail, traceId });
  }
}
