import { answer, ApiError, client } from "./api";
import {
  apply,
  isOfOperators,
  nothing,
  trafficOf,
  type Fleet,
  type Stale,
  type Traffic,
} from "./model";
import { session } from "./session.svelte";
import { SseParser, type SentEvent } from "./sse";

/** Events are shown together, this many milliseconds after the first. */
const showInterval = 100;
/** What an event left unsaid is asked for at most this often. */
const askInterval = 1000;
const retryDefault = 2000;
const retryMax = 15_000;
/** The node sends something every 15 s; without it the connection is dead, whatever TCP thinks. */
const silenceMax = 40_000;

const askers: { [K in keyof Fleet]: () => Promise<Fleet[K]> } = {
  strategies: async () =>
    (await answer(client.GET("/api/v1/strategy", { params: { query: { brief: "1" } } })))
      .strategies,
  images: async () => (await answer(client.GET("/api/v1/image"))).images,
  transfers: async () => (await answer(client.GET("/api/v1/transfer"))).transfers,
  nodes: async () => (await answer(client.GET("/api/v1/node"))).nodes,
};

export type Connection = "connecting" | "live" | "lost";

/** The fleet as this node sees it, kept up to date by its events. */
class Live {
  fleet: Fleet = $state.raw(nothing);
  /** Everything has been asked for at least once. */
  complete = $state(false);
  connection: Connection = $state("connecting");
  /** Why the node, although it is there, does not tell. */
  failure: unknown = $state();
  /** When the next attempt is made, as Date.now(); while the connection is lost. */
  retryAt = $state(0);
  /** Since when what is shown may be old. */
  staleSince = $state(0);
  /** The last changes of raw keys. */
  keysChanged = $state(0);
  /** The last changes of who steers. */
  operatorsChanged = $state(0);
  /** By peer that this node is connected to. */
  traffic: ReadonlyMap<string, Traffic> = $state.raw(new Map());
  /** Counts what is shown anew, for pages that ask for more about one thing. */
  strategyChanged: ReadonlyMap<string, number> = $state.raw(new Map());

  #parser = new SseParser();
  #pending: SentEvent[] = [];
  #stale: Stale = new Set();
  #showing = false;
  #asking = false;
  #attempts = 0;
  #wake = () => {};

  start(): void {
    void this.#run();
    addEventListener("online", () => {
      if (!session.wanted) this.#wake();
    });
  }

  /** Tries again now rather than later. */
  retry(): void {
    this.#attempts = 0;
    this.#wake();
  }

  async #run(): Promise<never> {
    for (;;) {
      try {
        await this.#follow();
      } catch {
        // Whatever it was, the answer is the same: say so and try again.
      }
      if (session.wanted) {
        this.connection = "connecting";
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      if (this.connection === "live" || this.staleSince === 0) this.staleSince = Date.now();
      this.connection = "lost";
      const delay = Math.min(
        (this.#parser.retry ?? retryDefault) * 1.5 ** this.#attempts,
        retryMax,
      );
      this.#attempts += 1;
      this.retryAt = Date.now() + delay;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, delay);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** One connection, to its end. */
  async #follow(): Promise<void> {
    const abort = new AbortController();
    let silence = setTimeout(() => abort.abort(), silenceMax);
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream", ...session.headers() };
      if (this.#parser.lastId) headers["Last-Event-ID"] = this.#parser.lastId;
      const response = await fetch("/api/v1/event", {
        headers,
        signal: abort.signal,
        cache: "no-store",
      });
      if (response.status === 401 || response.status === 429) session.refuse(response);
      if (!response.ok || !response.body) return;
      // What the last connection left half said, this one does not finish.
      const { lastId, retry } = this.#parser;
      this.#parser = Object.assign(new SseParser(), { lastId, retry });
      this.connection = "live";
      this.#attempts = 0;
      this.staleSince = 0;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = setTimeout(() => abort.abort(), silenceMax);
        const events = this.#parser.feed(value);
        if (events.length > 0) this.#take(events);
      }
    } finally {
      clearTimeout(silence);
    }
  }

  #take(events: SentEvent[]): void {
    this.#pending.push(...events);
    if (this.#showing) return;
    this.#showing = true;
    setTimeout(() => this.#show(), showInterval);
  }

  #show(): void {
    this.#showing = false;
    let fleet = this.fleet;
    const strategies = new Map(this.strategyChanged);
    for (const e of this.#pending) {
      fleet = apply(fleet, e, this.#stale);
      if (e.type === "crdt" || e.type === "sync") this.keysChanged += 1;
      if (e.type === "sync" || isOfOperators(e)) this.operatorsChanged += 1;
      if (e.type === "sync") for (const id of strategies.keys()) count(strategies, id);
      if (e.type === "traffic") this.traffic = trafficOf(e);
      if (e.type === "strategy") {
        const id = (JSON.parse(e.data) as { id?: string }).id;
        if (id) count(strategies, id);
      }
    }
    this.#pending = [];
    this.fleet = fleet;
    this.strategyChanged = strategies;
    if (this.#stale.size > 0 && !this.#asking) void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    try {
      while (this.#stale.size > 0) {
        const parts = [...this.#stale];
        this.#stale.clear();
        const answers = await Promise.all(
          parts.map(async (part) => [part, await askers[part]()] as const),
        );
        this.fleet = { ...this.fleet, ...Object.fromEntries(answers) };
        this.complete = true;
        this.failure = undefined;
        await new Promise((resolve) => setTimeout(resolve, askInterval));
      }
    } catch (e) {
      // The node is gone or busy: everything is asked for anew, soon or with the next connection.
      if (!(e instanceof ApiError && (e.status === 0 || e.status === 401))) this.failure = e;
      this.#parser.lastId = "";
      for (const part of Object.keys(nothing)) this.#stale.add(part as keyof Fleet);
      setTimeout(() => {
        if (!this.#asking && this.connection === "live") void this.#ask();
      }, retryDefault);
    } finally {
      this.#asking = false;
    }
  }
}

function count(map: Map<string, number>, id: string): void {
  map.set(id, (map.get(id) ?? 0) + 1);
}

export const live = new Live();

/** The time, for what is shown relative to it; moves once a second. */
class Clock {
  now = $state(Date.now());

  constructor() {
    setInterval(() => (this.now = Date.now()), 1000);
  }
}

export const clock = new Clock();
