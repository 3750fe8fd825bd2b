import assert from "node:assert/strict";
import test from "node:test";
import { EventParser, type ServerEvent } from "../src/sse.js";

const STREAM =
  "\uFEFFevent: metadata\r\ndata: {}\r\n\r\n: heartbeat\r\n\r\n" +
  "event: values\ndata: one\ndata:two\nid: 7\n\n" +
  "event\rdata: last\r\r" +
  "event: nothing\r\n\r\nretry: 5\r\ndata\r\n\r\n" +
  "data: has no end";
const EVENTS: ServerEvent[] = [
  { event: "metadata", data: "{}", id: undefined },
  { event: "values", data: "one\ntwo", id: "7" },
  { event: "message", data: "last", id: "7" },
  { event: "message", data: "", id: "7" },
];

test("a stream reads the same wherever the network cuts it", () => {
  for (let first = 0; first <= STREAM.length; first += 1) {
    for (let second = first; second <= STREAM.length; second += 7) {
      const parser = new EventParser();
      const cuts = [STREAM.slice(0, first), STREAM.slice(first, second), STREAM.slice(second)];
      assert.deepEqual(
        cuts.flatMap((cut) => parser.push(cut)),
        EVENTS,
        `at ${first}, ${second}`,
      );
    }
  }
});

test("an id with NUL is none", () => {
  const [event] = new EventParser().push("id: a\0b\ndata: x\n\n");
  assert.equal(event?.id, undefined);
});

test("an event without an end is refused before it fills the memory", () => {
  const parser = new EventParser();
  const line = `data: ${"x".repeat(8 * 1024 * 1024)}\n`;
  assert.throws(() => {
    for (let number = 0; number < 10; number += 1) {
      parser.push(line);
    }
  }, /an event has more than/);
});
