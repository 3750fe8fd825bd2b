/** Waiting, and stopping to wait. */

/** Resolves after so many milliseconds; rejects with the signal's reason when it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) {
      stop();
    }
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/**
 * Aborts when the caller does, when the whole takes too long, or when nothing comes for too long.
 *
 * `AbortSignal.any` and `timeout` would do, but for browsers that lack them and for a timer that
 * has to start anew with every byte.
 */
export class Watch {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #follow = () => this.abort(this.#outer?.reason);
  #limit: Timer | undefined;
  #idle: Timer | undefined;
  /** The time that was up, if one was. */
  expired: "limit" | "idle" | undefined;

  /** @param limitMs for the whole; none where it is undefined. */
  constructor(outer: AbortSignal | undefined, limitMs: number | undefined) {
    this.#outer = outer;
    if (outer?.aborted) {
      this.#follow();
    }
    outer?.addEventListener("abort", this.#follow, { once: true });
    this.#limit = this.#start("limit", limitMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something has to come within so many milliseconds. */
  expect(idleMs: number): void {
    this.settle();
    this.#idle = this.#start("idle", idleMs);
  }

  /** It came. */
  settle(): void {
    clearTimeout(this.#idle);
  }

  /** Ends whatever is under way. */
  abort(reason?: unknown): void {
    this.close();
    this.#controller.abort(reason);
  }

  /** Nothing is waited for any more. */
  close(): void {
    clearTimeout(this.#limit);
    clearTimeout(this.#idle);
    this.#outer?.removeEventListener("abort", this.#follow);
  }

  #start(what: "limit" | "idle", ms: number | undefined): Timer | undefined {
    if (ms === undefined || !Number.isFinite(ms)) {
      return undefined;
    }
    return setTimeout(() => {
      this.expired = what;
      this.abort();
    }, ms);
  }
}

type Timer = ReturnType<typeof setTimeout>;
