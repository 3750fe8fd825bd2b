// The console in Chromium, by keyboard alone.
// node console.mjs ROUTER_URL KEY
import assert from "node:assert/strict";
import { launch } from "./browser.mjs";

const [router, key] = process.argv.slice(2);
const HEADERS = { "content-type": "application/json", "x-api-key": key };

function run(assistantId, foo) {
  const body = JSON.stringify({ assistant_id: assistantId, input: { foo } });
  return fetch(`${router}/runs/wait`, { method: "POST", headers: HEADERS, body });
}

/** What a screen reader makes of the page: each role with its names. */
async function listNames(page) {
  const found = {};
  const walk = ({ role, name, children = [] }) => {
    found[role] = [...(found[role] ?? []), name];
    children.forEach(walk);
  };
  walk(await page.accessibility.snapshot({ interestingOnly: false }));
  return found;
}

async function until(page, text, selector = "body") {
  const holds = (sought, where) => document.querySelector(where)?.textContent.includes(sought);
  await page.waitForFunction(holds, { timeout: 60_000 }, text, selector);
}

/** Presses Tab until a link with that text has the focus. */
async function tabTo(page, text) {
  for (let presses = 0; presses < 100; presses += 1) {
    await page.keyboard.press("Tab");
    if ((await page.evaluate(() => document.activeElement.textContent)) === text) {
      return;
    }
  }
  assert.fail(`no way to "${text}" by the keyboard`);
}

const browser = await launch();
try {
  const page = await browser.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.evaluateOnNewDocument(() => {
    window.violations = [];
    addEventListener("securitypolicyviolation", (event) => {
      window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(`${router}/console`);
  assert.equal(page.url(), `${router}/console/`);

  // A key is asked for; a wrong one is asked for again.
  await page.waitForSelector("dialog[open]", { timeout: 60_000 });
  assert.deepEqual((await listNames(page)).dialog, ["This router asks for a key"]);
  await page.keyboard.type("gw_wrong");
  await page.keyboard.press("Enter");
  await until(page, "not known", "#key-problem");
  await page.waitForSelector("dialog[open]");
  await page.keyboard.type(key);
  await page.keyboard.press("Enter");

  // The fleet, in words.
  await until(page, "3 of 4 graphs ready in 1 pools", "main");
  await until(page, "Live", "#connection");
  const names = await listNames(page);
  assert.deepEqual(names.table, ["Pools", "Graphs"]);
  assert.deepEqual(names.heading, ["Fleet"]);
  assert.deepEqual(names.navigation, ["Views"]);
  await until(page, "KeyError: 'missing setting'", "main");

  // By the keyboard: past the header, and into a graph.
  await page.evaluate(() => document.activeElement.blur());
  await tabTo(page, "To the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await tabTo(page, "slow");

  // What happens is seen while it happens, and takes nobody's focus away.
  const running = run("slow", "3");
  const row = (places) => [...document.querySelectorAll("tbody tr")]
    .some((line) => line.textContent.startsWith("slow") && line.children[3].textContent === places);
  await page.waitForFunction(row, { timeout: 60_000 }, "1");
  assert.equal((await running).status, 200);
  await page.waitForFunction(row, { timeout: 60_000 }, "0");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "slow");
  await page.keyboard.press("Enter");
  await until(page, "slow", "h1");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  assert.equal(await page.title(), "slow – Graphwarden");
  await until(page, "__start__ leads to slow", "details");

  // A run that failed: in the list, in time, and on the drawing of its graph.
  const failed = await (await run("failing", "x")).json();
  assert.equal(failed.__error__.error, "ValueError");
  await page.evaluate(() => document.activeElement.blur());
  await tabTo(page, "Runs");
  await page.keyboard.press("Enter");
  await until(page, "error: ValueError", "main");
  assert.deepEqual((await listNames(page)).table, ["Last runs, the newest first"]);
  const link = await page.evaluate(
    () => [...document.querySelectorAll("tbody tr")]
      .find((line) => line.children[1].textContent === "failing")
      .querySelector("a").textContent,
  );
  await tabTo(page, link);
  await page.keyboard.press("Enter");
  await until(page, "The way through failing", "main");
  const way = await page.evaluate(() => [...document.querySelectorAll(".way li")].map((step) => step.textContent));
  assert.deepEqual(way.map((step) => step.replace(/: .* ms/, "")), ["b", "fails, failed"]);
  await until(page, "invoke_node fails", "table");
  await until(page, "error: ValueError", "table");
  await page.waitForSelector(".drawing .failed");

  // Its requests are shown to who asks for them.
  const steps = () => page.evaluate(() => [...document.querySelectorAll(".step")].map((step) => step.textContent.trim()));
  assert.deepEqual(await steps(), ["invoke_workflow failing in tests", "invoke_node b", "invoke_node fails attempt 1"]);
  await tabTo(page, "All 4 spans, with requests and statements");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelectorAll(".step").length === 4, { timeout: 60_000 });
  assert.equal((await steps())[0], "POST /runs/wait");
  await tabTo(page, "Only runs and nodes");

  // What a graph says of itself is text, whatever it looks like.
  await page.goto(`${router}/console/#/graphs/${encodeURIComponent("<img src=x onerror=alert(1)>")}`);
  await until(page, "Invalid assistant", "[role=alert]");

  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.deepEqual(problems, []);
} finally {
  await browser.close();
}
