// The page: which view it shows, and the stream that keeps it up to date.

import { element } from "./elements.js";
import { showFleet } from "./fleet.js";
import { CallError, follow, useKey } from "./router.js";
import { showGraph, showRuns, showTrace } from "./runs.js";

const RETRY_MS = 2000;
const LOOK_MS = 3000;
const main = document.getElementById("main");
const connection = document.getElementById("connection");
const keyDialog = document.getElementById("key");

let fleet = null;
let shown = "";
let showing = new AbortController();
// The reader went to another view, and it does not stand there yet.
let isMoving = false;

async function start() {
  addEventListener("hashchange", () => {
    isMoving = true;
    show();
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    // An address of its own would be that of a view.
    event.preventDefault();
    main.focus();
  });
  show();
  setInterval(() => document.visibilityState === "visible" && show(), LOOK_MS);
  for (;;) {
    try {
      await follow(undefined, (told) => {
        fleet = told;
        say("Live");
        show();
      });
      say("The router ended the connection; trying again");
    } catch (error) {
      if (!(await explain(error))) {
        return;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Shows the view that the address names, as it is by now. */
async function show() {
  showing.abort();
  showing = new AbortController();
  const { signal } = showing;
  const [view, name, part] = location.hash.replace(/^#\//, "").split("/").map(decodeURIComponent);
  mark(view);
  try {
    const content = await choose(view, name, part, signal);
    if (!signal.aborted) {
      put(content);
    }
  } catch (error) {
    if (!signal.aborted) {
      put([element("h1", {}, "Console"), element("p", { role: "alert" }, error.message)]);
    }
  }
}

async function choose(view, name, part, signal) {
  switch (view) {
    case "runs":
      return await showRuns(null, signal);
    case "graphs":
      return await showGraph(name, signal);
    case "traces":
      return await showTrace(name, part === "all", signal);
    default:
      return showFleet(fleet);
  }
}

/** Puts content in place; what is the same as before stays, with its focus and its scrolling. */
function put(content) {
  const moved = isMoving;
  isMoving = false;
  const fresh = element("div", {}, ...content);
  if (fresh.innerHTML === shown && !moved) {
    return;
  }
  const focused = document.activeElement?.getAttribute("href");
  const opened = [...main.querySelectorAll("details")].map((part) => part.open);
  shown = fresh.innerHTML;
  main.replaceChildren(...fresh.childNodes);
  main.querySelectorAll("details").forEach((part, at) => {
    part.open = !moved && (opened[at] ?? false);
  });
  document.title = `${main.querySelector("h1").textContent} – Graphwarden`;
  if (moved) {
    main.focus();
  } else if (focused) {
    main.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

function mark(view) {
  const isFleet = view === "" || view === "graphs";
  for (const [id, isCurrent] of [
    ["to-fleet", isFleet],
    ["to-runs", !isFleet],
  ]) {
    const link = document.getElementById(id);
    if (isCurrent) {
      link.setAttribute("aria-current", "page");
    } else {
      link.removeAttribute("aria-current");
    }
  }
}

function say(words) {
  if (connection.textContent !== words) {
    connection.textContent = words;
  }
}

/** Says what went wrong, and asks for a key where that helps; false: there is no use in going on. */
async function explain(error) {
  if (!(error instanceof CallError)) {
    say("The connection broke; trying again");
    return true;
  }
  say(error.message);
  if (error.status !== 401) {
    return true;
  }
  const key = await askForKey(error.message);
  if (key === "") {
    say("The router asks for a key: reload the page to give one");
    return false;
  }
  useKey(key);
  return true;
}

/** Waits for a key; empty when the reader wants to give none. */
async function askForKey(problem) {
  document.getElementById("key-problem").textContent = problem;
  const field = document.getElementById("key-value");
  field.value = "";
  keyDialog.returnValue = "";
  keyDialog.showModal();
  await new Promise((resolve) => keyDialog.addEventListener("close", resolve, { once: true }));
  const key = keyDialog.returnValue === "use" ? field.value : "";
  field.value = "";
  return key;
}

start();
