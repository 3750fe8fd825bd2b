/** The shapes of the LangGraph API, as they travel. */

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | JsonValue[]
  | { [key: string]: JsonValue };

export type JsonObject = Record<string, unknown>;

export interface Assistant {
  assistant_id: string;
  graph_id: string;
  name: string;
  description: string | null;
  config: JsonObject;
  context: JsonObject;
  metadata: JsonObject;
  version: number;
  created_at: string;
  updated_at: string;
}

/** JSON Schemas; null where a type of the graph has none. */
export interface GraphSchemas {
  graph_id: string;
  input_schema: JsonObject | null;
  output_schema: JsonObject | null;
  state_schema: JsonObject | null;
  config_schema: JsonObject | null;
  context_schema: JsonObject | null;
}

export interface GraphDrawing {
  nodes: { id: string; type?: string; data?: JsonObject }[];
  edges: { source: string; target: string; conditional?: boolean; data?: string }[];
}

/** A question of a graph that waits for its answer. */
export interface Interrupt {
  id: string;
  value: unknown;
}

export type ThreadStatus = "idle" | "busy" | "interrupted" | "error";

export interface Thread<Values = JsonObject> {
  thread_id: string;
  status: ThreadStatus;
  metadata: JsonObject;
  config: JsonObject;
  values: Values | null;
  /** By the id of the task that asks. */
  interrupts: Record<string, Interrupt[]>;
  error: { error: string; message: string } | null;
  created_at: string;
  updated_at: string;
  state_updated_at: string;
}

export interface Checkpoint {
  thread_id: string;
  checkpoint_ns: string;
  checkpoint_id: string;
  checkpoint_map?: JsonObject;
}

export interface ThreadTask {
  id: string;
  name: string;
  path: unknown[];
  error: string | null;
  interrupts: Interrupt[];
  checkpoint: JsonObject | null;
  state: ThreadState | null;
  result: unknown;
}

export interface ThreadState<Values = JsonObject> {
  values: Values;
  /** The nodes that come next; none when the graph has ended. */
  next: string[];
  tasks: ThreadTask[];
  interrupts: Interrupt[];
  metadata: JsonObject | null;
  created_at: string | null;
  checkpoint: Checkpoint | null;
  parent_checkpoint: Checkpoint | null;
  checkpoint_id: string | null;
  parent_checkpoint_id: string | null;
}

export type RunStatus = "pending" | "running" | "success" | "error" | "timeout" | "interrupted";

export type MultitaskStrategy = "enqueue" | "reject" | "interrupt" | "rollback";

export interface Run {
  run_id: string;
  thread_id: string;
  assistant_id: string;
  /** `interrupted` is a run that was cancelled; one that stopped to ask is a `success`. */
  status: RunStatus;
  metadata: JsonObject;
  kwargs: JsonObject;
  multitask_strategy: MultitaskStrategy;
  created_at: string;
  updated_at: string;
}

/** What a caller tells a graph that waits, or where it should go on. */
export interface Command {
  resume?: unknown;
  update?: unknown;
  goto?:
    | string
    | { node: string; input?: unknown }
    | (string | { node: string; input?: unknown })[];
}

export type StreamMode =
  | "values"
  | "updates"
  | "messages"
  | "messages-tuple"
  | "custom"
  | "events"
  | "tasks"
  | "checkpoints"
  | "debug";
