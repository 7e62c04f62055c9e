/** What people read: sizes, rates, times, short forms of long names. All pure. */

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** "1.5 GiB" */
export function bytes(n: number): string {
  let unit = 0;
  // 1023.95 KiB would be shown as 1024.0 KiB.
  while (n >= (unit === 0 ? 1024 : 1023.95) && unit < units.length - 1) {
    n /= 1024;
    ++unit;
  }
  const digits = unit === 0 || n >= 100 ? 0 : 1;
  return `${n.toFixed(digits)} ${units[unit]}`;
}

/** "11.2 MiB/s" */
export const rate = (perSecond: number): string => `${bytes(perSecond)}/s`;

/** Whole percent, and 100 only when all is done. */
export function percent(done: number, total: number): number {
  if (total <= 0) return 0;
  const p = Math.floor((100 * Math.min(done, total)) / total);
  return done < total ? Math.min(p, 99) : 100;
}

/** "3 s", "2 min", "5 h", "12 d": one unit, rounded down. */
export function duration(milliseconds: number): string {
  const s = Math.max(0, Math.floor(milliseconds / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** How long what is left takes; empty where nothing can be said. */
export function remaining(done: number, total: number, perSecond: number): string {
  if (perSecond <= 0 || total <= done) return "";
  return duration(((total - done) / perSecond) * 1000);
}

/** "5 min ago", "in 3 s", "now". */
export function relative(time: string, now: number): string {
  const at = Date.parse(time);
  if (Number.isNaN(at)) return time;
  const away = now - at;
  if (Math.abs(away) < 1000) return "now";
  return away > 0 ? `${duration(away)} ago` : `in ${duration(-away)}`;
}

/** In the viewer's zone, with its name. */
export function absolute(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return time;
  return at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
}

/** "sha256:44136fa355b3…": enough to tell digests apart. */
export function shortDigest(digest: string): string {
  const colon = digest.indexOf(":");
  return digest.length > colon + 13 ? `${digest.slice(0, colon + 13)}…` : digest;
}

/** "12D3…QAJU5SA": peer ids all begin alike. */
export function shortPeer(peer: string): string {
  return peer.length > 16 ? `${peer.slice(0, 4)}…${peer.slice(-8)}` : peer;
}

/** "1 node", "2 nodes" */
export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;
