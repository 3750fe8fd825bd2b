/** What is known about a call that failed. */
export interface Failure {
  /** The HTTP status; 0 when there was no answer. */
  status?: number;
  /** Why, for programs: `QueueFull`, `UnknownAssistant`, ... */
  reason: string;
  /** Why, for people. */
  detail: string;
  /** 32 hex digits by which logs and traces of all servers can be found. */
  traceId?: string | undefined;
  /** After how many seconds the server expects to do better. */
  retryAfterSeconds?: number | undefined;
  /** Whether it is certain that nothing of the call has begun. */
  notStarted?: boolean;
  runId?: string | undefined;
  threadId?: string | undefined;
  cause?: unknown;
}

/**
 * Every error of this client but those of an abort, which reject with the signal's own reason.
 *
 * A server's error is of the subclass of its reason, such as `QueueFullError`.
 */
export class GraphwardenError extends Error {
  override readonly name: string = "GraphwardenError";
  readonly status: number;
  readonly reason: string;
  readonly detail: string;
  readonly traceId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly notStarted: boolean;
  readonly runId: string | undefined;
  readonly threadId: string | undefined;

  constructor(failure: Failure) {
    super(renderMessage(failure), failure.cause === undefined ? {} : { cause: failure.cause });
    this.status = failure.status ?? 0;
    this.reason = failure.reason;
    this.detail = failure.detail;
    this.traceId = failure.traceId;
    this.retryAfterSeconds = failure.retryAfterSeconds;
    this.notStarted = failure.notStarted ?? false;
    this.runId = failure.runId;
    this.threadId = failure.threadId;
  }
}

/** No connection came about: nothing of the call has begun. */
export class ConnectionFailedError extends GraphwardenError {
  override readonly name = "ConnectionFailedError";
}

/** The connection broke before the answer was whole: the run may have begun, and may go on. */
export class ConnectionLostError extends GraphwardenError {
  override readonly name = "ConnectionLostError";
}

/** No answer, or not a byte of it, came within the client's time. */
export class CallTimeoutError extends GraphwardenError {
  override readonly name = "CallTimeoutError";
}

/** The answer is not what the API promises: most likely another server answered. */
export class UnexpectedAnswerError extends GraphwardenError {
  override readonly name = "UnexpectedAnswerError";
}

/** The graph failed; `reason` is the type of its exception, such as `ValueError`. */
export class RunFailedError extends GraphwardenError {
  override readonly name = "RunFailedError";
}

function renderMessage({ reason, detail, traceId }: Failure): string {
  const trace = traceId === undefined ? "" : ` (trace ${traceId})`;
  return `${reason}: ${detail}${trace}`;
}
