/** A network between client and router that breaks when the test says so. */

import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";

/**
 * Passes on what is sent to `url`, and breaks a connection after the first mark that comes by; the
 * next one after the second mark, and so on.
 *
 * @returns the address to call instead, and how often it broke.
 */
export async function breakAt(
  test: TestContext,
  url: string,
  marks: string[],
): Promise<{ url: string; breaks: () => number }> {
  const { hostname, port } = new URL(url);
  const left = [...marks];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const router = connect(Number(port), hostname);
    let seen = "";
    for (const socket of [client, router]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        router.destroy();
      });
    }
    client.pipe(router);
    router.on("data", (piece) => {
      seen += piece.toString("latin1");
      const mark = left[0];
      const end = mark === undefined ? -1 : seen.indexOf(mark);
      if (mark === undefined || end < 0) {
        client.write(piece);
        return;
      }
      left.shift();
      const rest = seen.length - (end + mark.length);
      client.end(piece.subarray(0, piece.length - rest), () => client.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => {
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  });
  const address = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${address.port}`, breaks: () => marks.length - left.length };
}
