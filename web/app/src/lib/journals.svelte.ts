import { SvelteMap } from "svelte/reactivity";
import { noted, type Entry, type Seen } from "./journal";

/** Nodes whose journal is remembered. */
const journalsMax = 50;

/** Of each node that was looked at, since the application was opened. */
class Journals {
  #all = new SvelteMap<string, readonly Entry[]>();

  of(peer: string): readonly Entry[] {
    return this.#all.get(peer) ?? [];
  }

  note(peer: string, seen: readonly Seen[]): void {
    this.#all.set(peer, noted(this.of(peer), seen, Date.now()));
    for (const oldest of this.#all.keys()) {
      if (this.#all.size <= journalsMax) break;
      this.#all.delete(oldest);
    }
  }
}

export const journals = new Journals();
