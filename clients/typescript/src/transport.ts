import { sleep, Watch } from "./clock.js";
import {
  CallTimeoutError,
  ConnectionFailedError,
  ConnectionLostError,
  GraphwardenError,
  UnexpectedAnswerError,
} from "./error.js";
import { ERRORS, NOT_STARTED, type Reason } from "./reasons.js";
import { planRetry, type RetryOptions } from "./retry.js";
import { makeTraceId, Tracer, type TracingOptions } from "./trace.js";

export interface Timeouts {
  /** For a whole call that waits for no run. Default 30 000. */
  callMs?: number;
  /** Without a byte, not even a heartbeat, an answer that has begun is lost. Default 60 000. */
  idleMs?: number;
}

export interface ClientOptions {
  /** The router, such as `https://graphs.example.com`. */
  url: string;
  /** Sent as `x-api-key`. */
  apiKey?: string;
  /** Sent with every call. */
  headers?: Record<string, string>;
  /** Instead of the global `fetch`. */
  fetch?: typeof fetch;
  timeouts?: Timeouts;
  retry?: RetryOptions;
  tracing?: TracingOptions;
}

/** What may be said of any call. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  headers?: Record<string, string> | undefined;
  /** In place of `timeouts.callMs`. For a run: from the call to its end, however long by default. */
  timeoutMs?: number | undefined;
}

export interface CallRequest extends CallOptions {
  method: string;
  path: string;
  query?: Record<string, string | number | boolean | string[] | undefined>;
  body?: unknown;
  /** It changes nothing, and may be sent again whenever it fails. */
  isRead?: boolean;
  /** Its answer comes when the run ends. */
  isRun?: boolean;
  assistantId?: string;
  accept?: string;
  /** The trace of a call that goes on from another one. */
  traceId?: string | undefined;
}

/** An answer whose head is there, and where its run is found. */
export interface Reply {
  response: Response;
  watch: Watch;
  traceId: string | undefined;
  runId: string | undefined;
  threadId: string | undefined;
  /** Whether it is the run of an earlier call with the same `Idempotency-Key`. */
  isReplay: boolean;
}

const RUN_PLACE = /^(?:\/threads\/([^/?]+))?\/runs\/([^/?]+)/;
const VISIBLE = /^[!-~]+$/;
// Of Node's connections, before the first byte is sent.
const NOT_CONNECTED = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Sends calls to one router: headers, times, another attempt where that is safe, errors. */
export class Transport {
  readonly #url: string;
  readonly #headers: Headers;
  readonly #fetch: typeof fetch;
  readonly #options: ClientOptions;
  readonly #tracer: Tracer;

  constructor(options: ClientOptions) {
    this.#url = parseUrl(options.url);
    this.#headers = new Headers(options.headers);
    if (options.apiKey !== undefined) {
      this.#headers.set("x-api-key", options.apiKey);
    }
    this.#fetch = options.fetch ?? ((...call) => globalThis.fetch(...call));
    this.#options = options;
    this.#tracer = new Tracer(options.tracing ?? {}, options.fetch !== undefined);
  }

  /** The JSON value of the answer; undefined for an empty one. */
  async json<T>(request: CallRequest): Promise<T> {
    return parseJson<T>(...(await this.text(request)));
  }

  /** The text of the whole answer. */
  async text(request: CallRequest): Promise<[text: string, reply: Reply]> {
    return await this.#repeat(request, async (traceId) => {
      const reply = await this.#send(request, traceId);
      return [await this.#readText(reply, request), reply];
    });
  }

  /** An answer to be read by `readPieces`; its head is that of a success. */
  async open(request: CallRequest): Promise<Reply> {
    return await this.#repeat(request, (traceId) => this.#send(request, traceId));
  }

  /** The text of an answer, piece by piece as it comes. */
  async *readPieces(reply: Reply, signal: AbortSignal | undefined): AsyncGenerator<string, void> {
    const { response, watch } = reply;
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    try {
      while (reader !== undefined) {
        watch.expect(this.#idleMs);
        const { done, value } = await reader.read();
        watch.settle();
        if (done) {
          break;
        }
        yield decoder.decode(value, { stream: true });
      }
      yield decoder.decode();
    } catch (cause) {
      throw explainLoss(cause, reply, signal);
    } finally {
      watch.abort();
    }
  }

  async #repeat<T>(request: CallRequest, send: (traceId: string) => Promise<T>): Promise<T> {
    const traceId = request.traceId ?? makeTraceId();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await send(traceId);
      } catch (error) {
        const again = this.#plan(error, attempt, request);
        if (again === undefined) {
          throw error;
        }
        await sleep(again, request.signal);
      }
    }
  }

  #plan(error: unknown, attempt: number, request: CallRequest): number | undefined {
    if (!(error instanceof GraphwardenError)) {
      return undefined;
    }
    const { retry = {} } = this.#options;
    return planRetry(error, attempt, request.isRead ?? false, retry, Math.random());
  }

  async #send(request: CallRequest, minted: string): Promise<Reply> {
    const headers = this.#makeHeaders(request);
    const traceId = await this.#tracer.propagate(headers, minted);
    const limitMs = request.timeoutMs ?? (request.isRun ? undefined : this.#callMs);
    const watch = new Watch(request.signal, limitMs);
    const response = await this.#reach(request, headers, watch, traceId);
    const reply = readHead(response, watch, traceId);
    this.#tracer.tell({
      traceId: reply.traceId ?? minted,
      method: request.method,
      path: request.path,
      status: response.status,
      assistantId: request.assistantId,
      runId: reply.runId,
      threadId: reply.threadId,
    });
    if (!response.ok) {
      throw await this.#readError(reply, request);
    }
    return reply;
  }

  async #reach(
    request: CallRequest,
    headers: Headers,
    watch: Watch,
    traceId: string | undefined,
  ): Promise<Response> {
    const { method } = request;
    // A redirect would take the key to another server.
    const init: RequestInit = { method, headers, signal: watch.signal, redirect: "error" };
    if (request.body !== undefined) {
      init.body = JSON.stringify(request.body);
    }
    try {
      return await this.#fetch(this.#url + request.path + renderQuery(request.query), init);
    } catch (cause) {
      watch.close();
      throw this.#explainFailure(cause, request, watch, traceId);
    }
  }

  #explainFailure(
    cause: unknown,
    request: CallRequest,
    watch: Watch,
    traceId: string | undefined,
  ): unknown {
    if (watch.expired !== undefined) {
      const detail = "no answer came in the time that the caller gave";
      return new CallTimeoutError({ reason: "CallTimeout", detail, traceId });
    }
    if (request.signal?.aborted) {
      return request.signal.reason;
    }
    const code = findCode(cause);
    if (code !== undefined && NOT_CONNECTED.has(code)) {
      const detail = `no connection to ${this.#url}: ${code}`;
      const failure = { reason: "ConnectionFailed", detail, traceId, cause, notStarted: true };
      return new ConnectionFailedError(failure);
    }
    const detail = `the call to ${this.#url} broke off without an answer: ${code ?? String(cause)}`;
    return new ConnectionLostError({ reason: "ConnectionLost", detail, traceId, cause });
  }

  #makeHeaders({ headers, body, accept, assistantId }: CallRequest): Headers {
    const made = new Headers(this.#headers);
    made.set("accept", accept ?? "application/json");
    if (body !== undefined) {
      made.set("content-type", "application/json");
    }
    if (assistantId !== undefined && VISIBLE.test(assistantId)) {
      // With it the router can send the call on before it has read all of it.
      made.set("x-assistant-id", assistantId);
    }
    for (const [name, value] of Object.entries(headers ?? {})) {
      made.set(name, value);
    }
    return made;
  }

  async #readText(reply: Reply, request: CallRequest): Promise<string> {
    let text = "";
    for await (const piece of this.readPieces(reply, request.signal)) {
      text += piece;
    }
    return text;
  }

  async #readError(reply: Reply, request: CallRequest): Promise<GraphwardenError> {
    const text = await this.#readText(reply, request);
    const { status, headers } = reply.response;
    const body = parseErrorBody(text);
    const reason = body.reason ?? `HTTP${status}`;
    const failure = {
      status,
      reason,
      detail: body.detail ?? `the server answered ${status}`,
      traceId: body.traceId ?? reply.traceId,
      retryAfterSeconds: parseRetryAfter(headers.get("retry-after")),
      notStarted: (status === 429 || status === 503) && NOT_STARTED.has(reason),
      runId: reply.runId,
      threadId: reply.threadId,
    };
    const known = Object.hasOwn(ERRORS, reason) ? ERRORS[reason as Reason] : GraphwardenError;
    return new known(failure);
  }

  get #callMs(): number {
    return this.#options.timeouts?.callMs ?? 30_000;
  }

  get #idleMs(): number {
    return this.#options.timeouts?.idleMs ?? 60_000;
  }
}

/** The JSON value of an answer's text. */
export function parseJson<T>(text: string, reply: Reply): T {
  if (text.trim() === "") {
    return undefined as T;
  }
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    const detail = `the answer is not JSON: ${text.trim().slice(0, 100)}`;
    const { traceId } = reply;
    throw new UnexpectedAnswerError({ reason: "UnexpectedAnswer", detail, traceId, cause });
  }
}

function parseUrl(url: string): string {
  if (!/^https?:\/\/[^/?#]/.test(url)) {
    const message = `\`url\` must be the router's, such as https://graphs.example.com: ${url}`;
    throw Object.assign(new TypeError(message), { code: "ERR_INVALID_URL" });
  }
  return url.replace(/\/+$/, "");
}

function readHead(response: Response, watch: Watch, traceId: string | undefined): Reply {
  const place = RUN_PLACE.exec(response.headers.get("content-location") ?? "");
  return {
    response,
    watch,
    traceId: response.headers.get("x-trace-id") ?? traceId,
    threadId: place?.[1],
    runId: place?.[2],
    isReplay: response.headers.get("idempotent-replayed") === "true",
  };
}

function explainLoss(cause: unknown, reply: Reply, signal: AbortSignal | undefined): unknown {
  const { watch, traceId, runId, threadId } = reply;
  const known = { traceId, runId, threadId, cause };
  if (watch.expired === "limit") {
    const detail = "the answer did not end in the time that the caller gave";
    return new CallTimeoutError({ reason: "CallTimeout", detail, ...known });
  }
  if (signal?.aborted) {
    return signal.reason;
  }
  const why = watch.expired ? "nothing more came" : (findCode(cause) ?? String(cause));
  const detail = `the answer broke off: ${why}`;
  return new ConnectionLostError({ reason: "ConnectionLost", detail, ...known });
}

function parseErrorBody(text: string): { detail?: string; reason?: string; traceId?: string } {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // A proxy before the router answers in a language of its own.
    return {};
  }
  const fields = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const read = (name: string) => (typeof fields[name] === "string" ? fields[name] : undefined);
  const found = { detail: read("detail"), reason: read("reason"), traceId: read("trace_id") };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function parseRetryAfter(value: string | null): number | undefined {
  const seconds = value === null || value.trim() === "" ? Number.NaN : Number(value);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

function findCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    const { code } = at as { code?: unknown };
    if (typeof code === "string") {
      return code;
    }
  }
  return undefined;
}

function renderQuery(query: CallRequest["query"]): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) {
        found.append(name, String(one));
      }
    }
  }
  const text = found.toString();
  return text && `?${text}`;
}
