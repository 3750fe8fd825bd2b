// Elements, made by code alone: no text of a graph is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";
const STATES = { success: "good", running: "waits", interrupted: "waits" };

/** An element with its attributes and what is in it; `null` and `false` are nothing. */
export function element(name, attributes = {}, ...content) {
  return fill(document.createElement(name), attributes, content);
}

/** The same of SVG. */
export function drawn(name, attributes = {}, ...content) {
  return fill(document.createElementNS(SVG, name), attributes, content);
}

/** A table with a caption; `columns` are [title, class?], rows are lists of cells. */
export function table(caption, columns, rows) {
  const head = columns.map(([title, kind]) => element("th", { scope: "col", class: kind }, title));
  const lines = rows.map((cells) => {
    const made = cells.map((cell, at) => {
      const kind = columns[at][1];
      const name = at === 0 ? "th" : "td";
      return element(name, { class: kind, scope: at === 0 ? "row" : null }, cell);
    });
    return element("tr", {}, ...made);
  });
  const whole = element(
    "table",
    {},
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...lines),
  );
  return element("div", { class: "scroll" }, whole);
}

/** Milliseconds for people. */
export function spellDuration(ms) {
  if (ms === null || ms === undefined) {
    return "at work";
  }
  if (ms < 1000) {
    return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  }
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000 / 60)} min`;
}

/** How a run ended, or that it goes on. */
export function tellState(status, errorType) {
  const words = errorType ? `${status}: ${errorType}` : status;
  return element("span", { class: STATES[status] ?? "bad" }, words);
}

function fill(made, attributes, content) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(name, value);
    }
  }
  made.append(...content.filter((part) => part !== null && part !== false));
  return made;
}
