/** A server whose every answer the test decides. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export interface Received {
  method: string;
  path: string;
  /** Every value of a header, also of one that was sent twice. */
  headers: Record<string, string[]>;
  body: unknown;
}

export type Script = (
  request: Received,
  response: ServerResponse,
  number: number,
) => void | Promise<void>;

export interface Server {
  url: string;
  received: Received[];
}

/** Listens until the test has ended. */
export async function serve(test: TestContext, script: Script): Promise<Server> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const got = await read(request);
    received.push(got);
    await script(got, response, received.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, received };
}

/** Answers JSON. */
export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** Answers as the servers do when they refuse. */
export function refuse(
  response: ServerResponse,
  status: number,
  reason: string,
  headers: Record<string, string> = {},
): void {
  answer(response, status, { detail: `no: ${reason}`, reason, trace_id: "a".repeat(32) }, headers);
}

/** Begins a stream of events. */
export function beginStream(response: ServerResponse, headers: Record<string, string> = {}): void {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", ...headers });
}

export function writeEvent(
  response: ServerResponse,
  event: string,
  data: unknown,
  id?: number,
): Promise<void> {
  const last = id === undefined ? "" : `id: ${id}\r\n`;
  const text = `event: ${event}\r\ndata: ${JSON.stringify(data)}\r\n${last}\r\n`;
  return new Promise((resolve) => response.write(text, () => resolve()));
}

async function read(request: IncomingMessage): Promise<Received> {
  let text = "";
  for await (const piece of request.setEncoding("utf8")) {
    text += piece;
  }
  const headers: Record<string, string[]> = {};
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = (request.rawHeaders[at] as string).toLowerCase();
    headers[name] = [...(headers[name] ?? []), request.rawHeaders[at + 1] as string];
  }
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    headers,
    body: text === "" ? undefined : JSON.parse(text),
  };
}
