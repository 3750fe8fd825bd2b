// Calls of the router that this page comes from.

const BASE = new URL("..", location.href);
const KEY = "graphwarden-key";

/** An answer that is none; `status` 0: there was no answer at all. */
export class CallError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export function useKey(key) {
  sessionStorage.setItem(KEY, key);
}

/** The JSON of an answer. */
export async function read(path, signal) {
  const response = await call(path, signal);
  return await response.json();
}

/** Tells each state of the fleet until the connection ends. */
export async function follow(signal, tell) {
  const response = await call("console/events", signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    const blocks = (rest + value).split("\r\n\r\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\r\n").find((line) => line.startsWith("data: "));
      if (data !== undefined) {
        tell(JSON.parse(data.slice("data: ".length)));
      }
    }
  }
}

async function call(path, signal) {
  const key = sessionStorage.getItem(KEY);
  const headers = key === null ? {} : { "x-api-key": key };
  let response;
  try {
    response = await fetch(new URL(path, BASE), { headers, signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw new CallError(0, "the router does not answer");
  }
  if (!response.ok) {
    const told = await response.json().catch(() => ({}));
    throw new CallError(response.status, told.detail ?? `the router answered ${response.status}`);
  }
  return response;
}
