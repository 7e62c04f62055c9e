/** What nodes did and why, as one line for each change. Pure. */
import type { NodeStrategy } from "./types";

export interface Entry {
  /** As Date.now(). */
  at: number;
  strategy: string;
  nametag: string;
  state: string;
  reason: string;
}

/** Entries that are remembered of one node. */
export const entriesMax = 200;

/** A node's line of a strategy; `id` is the strategy's. */
export type Seen = Pick<NodeStrategy, "id" | "nametag" | "state" | "reason">;

/** `journal`, newest first, with what of `seen` is not as its last entry has it. */
export function noted(
  journal: readonly Entry[],
  seen: readonly Seen[],
  at: number,
): readonly Entry[] {
  const fresh: Entry[] = [];
  for (const { id, nametag, state, reason: said } of seen) {
    const last = journal.find((e) => e.strategy === id);
    const reason = steady(said ?? "");
    if (last && last.state === state && last.reason === reason) continue;
    if (!last && state === "not_chosen") continue;
    fresh.push({ at, strategy: id, nametag, state, reason });
  }
  for (const last of lastOfEach(journal)) {
    if (last.state === "removed" || seen.some((s) => s.id === last.strategy)) continue;
    fresh.push({ ...last, at, state: "removed", reason: "the strategy is gone" });
  }
  return fresh.length === 0 ? journal : [...fresh, ...journal].slice(0, entriesMax);
}

/** Reasons count down ("next try in 3 s"); each second is no event of its own. */
const steady = (reason: string): string =>
  reason.replace(/[;,]? *(next try )?in \d+ (s|min|h)\b/g, "");

function lastOfEach(journal: readonly Entry[]): Entry[] {
  const out = new Map<string, Entry>();
  for (const e of journal) if (!out.has(e.strategy)) out.set(e.strategy, e);
  return [...out.values()];
}
