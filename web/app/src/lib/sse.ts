/** One server-sent event. */
export interface SentEvent {
  type: string;
  data: string;
}

/**
 * Reads server-sent events out of text that arrives in pieces. EventSource would do the same, but
 * cannot send the Authorization header.
 *
 * Spec: WHATWG HTML "Server-sent events", interpretation of a stream.
 */
export class SseParser {
  /** What a reconnecting client gives as Last-Event-ID; empty until there was one. */
  lastId = "";
  /** Milliseconds, as the server asks for; undefined until it has. */
  retry: number | undefined;
  #rest = "";
  #type = "";
  #data: string[] = [];

  /** The events that `piece` completes. */
  feed(piece: string): SentEvent[] {
    const found: SentEvent[] = [];
    const text = this.#rest + piece;
    let from = 0;
    for (;;) {
      const at = text.slice(from).search(/[\r\n]/);
      if (at < 0) break;
      const end = from + at;
      // Whether a line ends in \r or \r\n shows only in the next piece.
      if (text[end] === "\r" && end + 1 === text.length) break;
      const event = this.#line(text.slice(from, end));
      if (event) found.push(event);
      from = end + (text.startsWith("\r\n", end) ? 2 : 1);
    }
    this.#rest = text.slice(from);
    return found;
  }

  #line(line: string): SentEvent | undefined {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#type = value;
    else if (name === "id" && !value.includes("\0")) this.lastId = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    return undefined;
  }

  #dispatch(): SentEvent | undefined {
    const event =
      this.#data.length > 0
        ? { type: this.#type || "message", data: this.#data.join("\n") }
        : undefined;
    this.#type = "";
    this.#data = [];
    return event;
  }
}
