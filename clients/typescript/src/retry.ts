import type { GraphwardenError } from "./error.js";

export interface RetryOptions {
  /** How often a call is sent at most; 1: never again. Default 4. */
  attempts?: number;
  /** The longest pause; a server that asks for a longer one is not asked again. Default 10 000. */
  maxDelayMs?: number;
}

const FIRST_DELAY_MS = 200;

/**
 * How long to wait before a call is sent again, in milliseconds; undefined: it is not.
 *
 * @param attempt how often it has been sent, from 1.
 * @param isRead whether it changes nothing, so that it may also be sent again after it has begun.
 * @param chance from 0 to 1, so that callers who failed together do not come back together.
 */
export function planRetry(
  error: GraphwardenError,
  attempt: number,
  isRead: boolean,
  options: RetryOptions,
  chance: number,
): number | undefined {
  const { attempts = 4, maxDelayMs = 10_000 } = options;
  if (attempt >= attempts || !(error.notStarted || (isRead && mayPass(error)))) {
    return undefined;
  }
  const asked = (error.retryAfterSeconds ?? 0) * 1000;
  if (asked > maxDelayMs) {
    return undefined;
  }
  const ceiling = Math.min(maxDelayMs, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.max(asked, ceiling * (0.5 + chance / 2));
}

function mayPass({ status, name }: GraphwardenError): boolean {
  return name === "ConnectionLostError" || status === 502 || status === 503 || status === 504;
}
