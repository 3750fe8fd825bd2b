/**
 * One trace from the caller to the last of its graph's calls: a `traceparent` on every request,
 * and never two (https://www.w3.org/TR/trace-context/).
 */

/** What is used of `@opentelemetry/api`. */
export interface OpenTelemetry {
  trace: { getActiveSpan(): { spanContext(): SpanContext } | undefined };
  // The package's own types of its context say more than is needed here.
  context: { active(): unknown };
  // biome-ignore lint/suspicious/noExplicitAny: its method takes the package's own context
  propagation: { inject(context: any, carrier: Record<string, string>): void };
}

interface SpanContext {
  traceId: string;
  spanId: string;
}

/** A call and the trace that it is part of. */
export interface TracedCall {
  traceId: string;
  method: string;
  path: string;
  status: number;
  assistantId?: string | undefined;
  runId?: string | undefined;
  threadId?: string | undefined;
}

export interface TracingOptions {
  /**
   * `@opentelemetry/api`, where it cannot be found by that name: in a browser. `false` leaves it
   * alone where it can.
   */
  api?: OpenTelemetry | false;
  /** Told of each call when its answer begins. What it throws is the call's error. */
  onTrace?: (call: TracedCall) => void;
}

/** Ids that our servers know what to do with. Others may be about people, and stay here. */
const BAGGAGE_KEYS = new Set(["assistant_id", "thread_id", "capability"]);
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-|$)/;
const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);
const NODE_CHANNEL = "undici:request:create";

/** Puts each request into a trace. */
export class Tracer {
  readonly #options: TracingOptions;
  readonly #usesOwnFetch: boolean;

  constructor(options: TracingOptions, usesOwnFetch: boolean) {
    this.#options = options;
    this.#usesOwnFetch = usesOwnFetch;
  }

  /**
   * Adds the trace's headers, unless somebody else does.
   *
   * @param minted the trace of a caller who has none; the same for all attempts of one call.
   * @returns the trace's id where it is known before the answer.
   */
  async propagate(headers: Headers, minted: string): Promise<string | undefined> {
    const api = await this.#findApi();
    const active = api?.trace.getActiveSpan()?.spanContext();
    if (!this.#usesOwnFetch && (await isFetchInstrumented())) {
      // It would add a second one, and servers take two for none.
      headers.delete("traceparent");
      return active?.traceId;
    }
    const given = headers.get("traceparent");
    if (given !== null) {
      return parseTraceId(given);
    }
    if (api !== undefined && active !== undefined && isValid(active)) {
      inject(api, headers);
    }
    if (!headers.has("traceparent")) {
      headers.set("traceparent", `00-${minted}-${makeHex(8)}-01`);
    }
    return parseTraceId(headers.get("traceparent"));
  }

  /** Tells the user's `onTrace`. */
  tell(call: TracedCall): void {
    this.#options.onTrace?.(call);
  }

  async #findApi(): Promise<OpenTelemetry | undefined> {
    const { api } = this.#options;
    return api === undefined ? await importApi() : api || undefined;
  }
}

/** The id of a new trace: 32 hex digits. */
export function makeTraceId(): string {
  return makeHex(16);
}

/** The trace's id in a `traceparent`; undefined where there is none. */
export function parseTraceId(header: string | null): string | undefined {
  return (header && TRACEPARENT.exec(header)?.[1]) || undefined;
}

/** The entries of a W3C Baggage header that are for our servers. */
export function filterBaggage(header: string): string {
  const entries = header.split(",").map((entry) => entry.trim());
  return entries.filter((entry) => BAGGAGE_KEYS.has(entry.split("=", 1)[0]?.trim() ?? "")).join();
}

function inject(api: OpenTelemetry, headers: Headers): void {
  const carrier: Record<string, string> = {};
  api.propagation.inject(api.context.active(), carrier);
  for (const [name, value] of Object.entries(carrier)) {
    const ours = name.toLowerCase() === "baggage" ? filterBaggage(value) : value;
    if (ours !== "" && !headers.has(name)) {
      headers.set(name, ours);
    }
  }
}

function isValid({ traceId, spanId }: SpanContext): boolean {
  return traceId !== NO_TRACE && spanId !== NO_SPAN;
}

function makeHex(bytes: number): string {
  const drawn = crypto.getRandomValues(new Uint8Array(bytes));
  const text = Array.from(drawn, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return /^0+$/.test(text) ? makeHex(bytes) : text;
}

let imported: Promise<OpenTelemetry | undefined> | undefined;

function importApi(): Promise<OpenTelemetry | undefined> {
  // By a name that no bundler follows: the package may be missing.
  const name = "@opentelemetry/api";
  imported ??= import(/* webpackIgnore: true */ /* @vite-ignore */ name).catch(() => undefined);
  return imported;
}

/**
 * Whether somebody listens to the requests of Node's own `fetch`, as OpenTelemetry's
 * instrumentation of undici does: it adds a `traceparent` whether or not there is one.
 */
async function isFetchInstrumented(): Promise<boolean> {
  if (!("process" in globalThis)) {
    return false;
  }
  const name = "node:diagnostics_channel";
  const channels = await import(/* webpackIgnore: true */ /* @vite-ignore */ name).catch(
    () => undefined,
  );
  return channels?.hasSubscribers(NODE_CHANNEL) ?? false;
}
