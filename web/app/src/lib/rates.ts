/** Who bytes come from. Pure. */
import type { Transfer } from "./types";

/** Sources as they are plotted, in the order of `rates`. */
export const rateNames = ["upstream", "peers", "into the engine"] as const;

/** Bytes a second now, by source. */
export function rates(transfers: readonly Transfer[]): number[] {
  const out = rateNames.map(() => 0);
  for (const t of transfers) {
    if (t.state !== "running") continue;
    const at = t.kind === "load" ? 2 : /^(\d+ )?peers?\b/.test(t.from) ? 1 : 0;
    out[at] = (out[at] ?? 0) + t.bytes_per_second;
  }
  return out;
}
