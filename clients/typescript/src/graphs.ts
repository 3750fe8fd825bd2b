/** The types of one graph, as `graphwarden-types` writes them. */
export interface GraphTypes {
  input: unknown;
  output: unknown;
  context: unknown;
}

/** A fleet's graphs by assistant id: an interface that `graphwarden-types` wrote. */
export type Fleet<Graphs> = { [Id in keyof Graphs]: GraphTypes };

/** A fleet of which nothing is known. */
export interface AnyGraphs {
  [assistantId: string]: {
    input: unknown;
    output: Record<string, unknown>;
    context: Record<string, unknown>;
  };
}

export type AssistantId<Graphs> = keyof Graphs & string;
export type InputOf<Graphs, Id extends keyof Graphs> = Field<Graphs[Id], "input">;
export type OutputOf<Graphs, Id extends keyof Graphs> = Field<Graphs[Id], "output">;
export type ContextOf<Graphs, Id extends keyof Graphs> = Field<Graphs[Id], "context">;

type Field<Graph, Name extends keyof GraphTypes> = Graph extends GraphTypes ? Graph[Name] : never;
