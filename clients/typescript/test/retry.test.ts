import assert from "node:assert/strict";
import test from "node:test";
import { ConnectionLostError, GraphwardenError } from "../src/error.js";
import { planRetry } from "../src/retry.js";

const REFUSED = new GraphwardenError({ reason: "QueueFull", detail: "", notStarted: true });
const LOST = new ConnectionLostError({ reason: "ConnectionLost", detail: "" });

function asking(retryAfterSeconds: number): GraphwardenError {
  return new GraphwardenError({ ...REFUSED, detail: "", notStarted: true, retryAfterSeconds });
}

function failing(status: number): GraphwardenError {
  return new GraphwardenError({ reason: "Internal", detail: "", status });
}

test("what did not start is sent again, with pauses that grow", () => {
  const pauses = [1, 2, 3, 4].map((attempt) => planRetry(REFUSED, attempt, false, {}, 1));
  assert.deepEqual(pauses, [200, 400, 800, undefined]);
});

test("callers who failed together do not come back together", () => {
  assert.equal(planRetry(REFUSED, 1, false, {}, 0), 100);
  assert.equal(planRetry(REFUSED, 1, false, {}, 0.5), 150);
});

test("the server's own word is waited for, unless it is too long", () => {
  assert.equal(planRetry(asking(2), 1, false, {}, 1), 2000);
  assert.equal(planRetry(asking(30), 1, false, {}, 1), undefined);
  assert.equal(planRetry(asking(30), 1, false, { maxDelayMs: 30_000 }, 1), 30_000);
});

test("what may have started is never sent again", () => {
  for (const error of [LOST, failing(500), failing(502), failing(503), failing(504)]) {
    assert.equal(planRetry(error, 1, false, {}, 1), undefined);
  }
});

test("what changes nothing is sent again when that may help", () => {
  for (const error of [LOST, failing(502), failing(503), failing(504)]) {
    assert.equal(planRetry(error, 1, true, {}, 1), 200);
  }
  for (const error of [failing(404), failing(422), failing(500)]) {
    assert.equal(planRetry(error, 1, true, {}, 1), undefined);
  }
});

test("one attempt is one attempt", () => {
  assert.equal(planRetry(REFUSED, 1, true, { attempts: 1 }, 1), undefined);
});
