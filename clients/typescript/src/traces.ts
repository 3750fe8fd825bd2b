import type { CallOptions, Transport } from "./transport.js";
import type { JsonObject } from "./wire.js";

export type TracedStatus =
  | "running"
  | "success"
  | "interrupted"
  | "error"
  | "timeout"
  | "cancelled";

/** One run that a worker keeps the trace of. */
export interface TracedRun {
  trace_id: string;
  span_id: string;
  run_id: string | null;
  thread_id: string | null;
  assistant_id: string | null;
  capability: string | null;
  status: TracedStatus;
  attempt: number;
  error_type: string | null;
  started_at: string;
  /** Null while it is at work. */
  duration_ms: number | null;
}

export interface Span {
  trace_id: string;
  span_id: string;
  parent_span_id: string | null;
  name: string;
  kind: string;
  service: string | null;
  started_at: string;
  /** Null while it is at work. */
  duration_ms: number | null;
  status: "unset" | "ok" | "error";
  error_type: string | null;
  attributes: JsonObject;
  events: { name: string; at: string; attributes: JsonObject }[];
  links: { trace_id: string; span_id: string }[];
}

export interface TraceQuery {
  assistantId?: string;
  threadId?: string;
  runId?: string;
  status?: TracedStatus;
  /** A time in ISO 8601, or how long ago: `90s`, `15m`, `2h`, `1d`. */
  since?: string;
  /** 1 to 1000; default 100. */
  limit?: number;
}

/** The traces of the last runs, where the workers keep them (`GRAPHWARDEN_TRACES_KEPT`). */
export class Traces {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The last runs, the newest first; `missing` names pools of which a worker did not answer. */
  async list(
    query: TraceQuery = {},
    options: CallOptions = {},
  ): Promise<{ kept: boolean; runs: TracedRun[]; missing: string[] }> {
    const { assistantId, threadId, runId, ...rest } = query;
    const sent = { assistant_id: assistantId, thread_id: threadId, run_id: runId, ...rest };
    const request = { method: "GET", path: "/traces", query: sent, isRead: true };
    return await this.#transport.json({ ...request, ...options });
  }

  /** The spans of one trace, by their start. */
  async get(
    traceId: string,
    options: CallOptions = {},
  ): Promise<{ trace_id: string; spans: Span[]; left_out: number; missing: string[] }> {
    const path = `/traces/${encodeURIComponent(traceId)}`;
    return await this.#transport.json({ method: "GET", path, isRead: true, ...options });
  }
}
