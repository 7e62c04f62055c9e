/** How states look and what they are called. Pure. */
import type { NodeLine, State } from "./types";

export type Tone = "good" | "busy" | "idle" | "warn" | "bad";

export interface Look {
  word: string;
  tone: Tone;
  /** Never by colour alone. */
  sign: string;
}

const looks: Record<State, Look> = {
  not_chosen: { word: "not chosen", tone: "idle", sign: "○" },
  pending: { word: "waiting", tone: "busy", sign: "◔" },
  importing: { word: "fetching", tone: "busy", sign: "↓" },
  loading: { word: "loading", tone: "busy", sign: "↻" },
  stored: { word: "stored", tone: "good", sign: "✓" },
  loaded: { word: "loaded", tone: "good", sign: "✓" },
  removing: { word: "removing", tone: "busy", sign: "−" },
  kept: { word: "kept", tone: "warn", sign: "•" },
  conflict: { word: "conflict", tone: "bad", sign: "≠" },
  blocked: { word: "blocked", tone: "bad", sign: "■" },
  engine_unavailable: { word: "engine down", tone: "bad", sign: "!" },
  failed: { word: "failed", tone: "bad", sign: "✕" },
  paused: { word: "paused", tone: "warn", sign: "‖" },
  absent: { word: "elsewhere", tone: "idle", sign: "○" },
};

/** Newer nodes may say what this page has not heard of. */
export const lookOf = (state: string): Look =>
  looks[state as State] ?? { word: state, tone: "idle", sign: "?" };

/**
 * Of each node the line that says most, which is one of a strategy that chose it; nodes that have
 * nothing to do with it are left out.
 */
export function holdersOf(lines: readonly NodeLine[]): NodeLine[] {
  const out = new Map<string, NodeLine>();
  for (const line of lines) {
    if (line.state === "not_chosen" || line.state === "absent") continue;
    const known = out.get(line.peer);
    if (!known || (line.chosen && !known.chosen)) out.set(line.peer, line);
  }
  return [...out.values()];
}
