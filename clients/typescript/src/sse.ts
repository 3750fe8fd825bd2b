import { UnexpectedAnswerError } from "./error.js";

/** One server-sent event; `id` is the last one that the stream has told. */
export interface ServerEvent {
  event: string;
  data: string;
  id: string | undefined;
}

/** An event may not be longer than this many characters. */
const LONGEST_EVENT = 64 * 1024 * 1024;

/**
 * Cuts text into server-sent events, wherever the network has cut it
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
 */
export class EventParser {
  #rest = "";
  #data: string[] = [];
  #size = 0;
  #event = "";
  #id: string | undefined;
  #isFirst = true;
  #skipsLineFeed = false;

  /** The events that the next piece of text completes. */
  push(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    for (const line of this.#cut(text)) {
      const event = this.#read(line);
      if (event !== undefined) {
        events.push(event);
      }
    }
    if (this.#size + this.#rest.length > LONGEST_EVENT) {
      const detail = `an event has more than ${LONGEST_EVENT} characters`;
      throw new UnexpectedAnswerError({ reason: "UnexpectedAnswer", detail });
    }
    return events;
  }

  *#cut(text: string): Iterable<string> {
    let start = 0;
    if (this.#skipsLineFeed && text.length > 0) {
      this.#skipsLineFeed = false;
      start = text.startsWith("\n") ? 1 : 0;
    }
    const ends = /\r\n?|\n/g;
    ends.lastIndex = start;
    for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
      const line = this.#rest + text.slice(start, end.index);
      this.#rest = "";
      start = ends.lastIndex;
      // Its line feed may come with the next piece.
      this.#skipsLineFeed = end[0] === "\r" && start === text.length;
      yield line;
    }
    this.#rest += text.slice(start);
  }

  #read(raw: string): ServerEvent | undefined {
    const line = this.#isFirst ? raw.replace(/^\uFEFF/, "") : raw;
    this.#isFirst = false;
    if (line === "") {
      return this.#dispatch();
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") {
      this.#event = value;
    } else if (field === "data") {
      this.#data.push(value);
      this.#size += value.length;
    } else if (field === "id" && !value.includes("\0")) {
      this.#id = value;
    }
    return undefined;
  }

  #dispatch(): ServerEvent | undefined {
    const { length } = this.#data;
    const event = { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id };
    this.#event = "";
    this.#data = [];
    this.#size = 0;
    return length === 0 ? undefined : event;
  }
}
