import { type GraphwardenError, RunFailedError } from "./error.js";
import type { Reply } from "./transport.js";
import type { Interrupt } from "./wire.js";

/** What a run has come to. */
export interface RunResult<Output> {
  /** What the graph gives; of a run that waits for an answer, its state so far. */
  output: Output;
  /** The questions that the graph waits with; none when it has ended. */
  interrupts: Interrupt[];
  runId: string | undefined;
  threadId: string | undefined;
  traceId: string | undefined;
  /** Whether it is the run of an earlier call with the same `idempotencyKey`. */
  isReplay: boolean;
}

type Place = Pick<Reply, "runId" | "threadId" | "traceId" | "isReplay">;

/**
 * The result in the final values of a run.
 *
 * @throws RunFailedError when they tell of an error.
 */
export function makeResult<Output>(values: unknown, place: Place): RunResult<Output> {
  const { runId, threadId, traceId, isReplay } = place;
  const known = { runId, threadId, traceId, isReplay };
  if (!isObject(values)) {
    return { output: values as Output, interrupts: [], ...known };
  }
  const { __error__: error, __interrupt__: interrupts, ...output } = values;
  if (error !== undefined) {
    throw makeRunError(error, place);
  }
  const asked = Array.isArray(interrupts) ? (interrupts as Interrupt[]) : [];
  return { output: output as Output, interrupts: asked, ...known };
}

/** The error that a run ended with, from `{"error": "ValueError", "message": "..."}`. */
export function makeRunError(told: unknown, place: Place): GraphwardenError {
  const { error, message } = isObject(told) ? told : { error: undefined, message: told };
  const { runId, threadId, traceId } = place;
  return new RunFailedError({
    reason: typeof error === "string" ? error : "Error",
    detail: typeof message === "string" ? message : JSON.stringify(told),
    runId,
    threadId,
    traceId,
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
