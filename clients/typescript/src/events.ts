import type { JsonObject } from "./wire.js";

interface Event<Name extends string, Data> {
  /** The name, such as `values`, or `values|drafting:<id>` for one of a subgraph. */
  event: Name;
  data: Data;
  /** Where a stream that keeps its events can be read on from. */
  id: string | undefined;
  /** The subgraphs that it comes from, the outermost first; none for the graph itself. */
  namespace: string[];
}

/** A message, or a piece of one, as LangChain writes it. */
export interface StreamedMessage {
  id?: string | null;
  type: string;
  content: string | JsonObject[];
  [field: string]: unknown;
}

type OfSubgraphs =
  | "values"
  | "updates"
  | "custom"
  | "messages"
  | "messages/metadata"
  | "messages/partial"
  | "messages/complete"
  | "tasks"
  | "checkpoints"
  | "debug";

/** One event of a run. An `error` is thrown, and an `end` ends the iteration. */
export type StreamEvent<Output = JsonObject> =
  | Event<"metadata", { run_id: string; attempt: number }>
  | Event<"values", Partial<Output>>
  | Event<"updates", JsonObject>
  | Event<"custom", unknown>
  | Event<"messages", [message: StreamedMessage, metadata: JsonObject]>
  | Event<"messages/metadata", Record<string, { metadata: JsonObject }>>
  | Event<"messages/partial" | "messages/complete", StreamedMessage[]>
  | Event<"tasks" | "checkpoints" | "debug" | "events", JsonObject>
  | Event<`${OfSubgraphs}|${string}`, unknown>;

/** An event from its name and its JSON. */
export function makeEvent<Output>(
  event: string,
  data: unknown,
  id: string | undefined,
): StreamEvent<Output> {
  const namespace = event.split("|").slice(1);
  return { event, data, id, namespace } as StreamEvent<Output>;
}
