/** What the compiler has to accept and to refuse. It is compiled and never run. */

import { createClient, type StreamEvent } from "../src/index.js";

interface Graphs {
  reply: {
    input: { mail: string; tone?: "warm" | "plain" };
    output: { draft: string };
    context: { model?: string };
  };
  search: { input: { words: string[] }; output: { found: number }; context: unknown };
}

const url = "http://127.0.0.1:8123";

export async function typed(): Promise<void> {
  const graphs = createClient<Graphs>({ url });
  const { output } = await graphs.runs.wait("reply", { mail: "x" }, { context: { model: "m" } });
  const draft: string = output.draft;
  // @ts-expect-error another graph's field
  output.found;
  const { output: found } = await graphs.runs.wait("search", { words: [draft] });
  const count: number = found.found;
  // @ts-expect-error no such graph
  await graphs.runs.wait("nobody", {});
  // @ts-expect-error a field is missing
  await graphs.runs.wait("reply", { tone: "warm" });
  // @ts-expect-error a value that is none
  await graphs.runs.wait("reply", { mail: "x", tone: "rude" });
  // @ts-expect-error a context that is none
  await graphs.runs.wait("reply", { mail: "x" }, { context: { model: count } });
  for await (const event of graphs.runs.stream("reply", { mail: "x" })) {
    if (event.event === "values") {
      const partial: string | undefined = event.data.draft;
      draft.concat(partial ?? "");
    } else if (event.event === "metadata") {
      const attempt: number = event.data.attempt;
      attempt.toFixed();
    }
  }
}

export async function untyped(): Promise<void> {
  const graphs = createClient({ url });
  const { output } = await graphs.runs.wait("anything", { a: 1 });
  const value: unknown = output.whatever;
  String(value);
}

export function narrowed(event: StreamEvent): string {
  switch (event.event) {
    case "messages":
      return event.data[0].type;
    case "messages/partial":
      return event.data.map((message) => message.type).join();
    default:
      return event.event;
  }
}
