/** The command lines that do what a button does. All pure. */
import type { StrategyPayload } from "./types";

/** As a POSIX shell takes it as one word. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

const line = (...words: string[]): string => ["distromash", ...words.map(quoted)].join(" ");

export function applyCommand(s: StrategyPayload, dryRun = false): string {
  const words = ["strategy", "apply", s.nametag || "IMAGE"];
  if (s.type === "percentage") words.push("--percentage", String(s.percentage ?? 100));
  else for (const t of (s.target ?? "").split(",").filter(Boolean)) words.push("--target", t);
  for (const [key, value] of Object.entries(s.selector ?? {}))
    words.push("--label", `${key}=${value}`);
  if (s.execute === false) words.push("--no-execute");
  if (s.replace) words.push("--replace");
  if (dryRun) words.push("--dry-run");
  return line(...words);
}

export const strategyCommand = (
  what: "rm" | "pause" | "resume" | "explain" | "show",
  key: string,
) => line("strategy", what, key);

export function importCommand(ref: string, platforms: string[]): string {
  return line("image", "import", ref || "IMAGE", ...platforms.flatMap((p) => ["--platform", p]));
}

export const removeImageCommand = (name: string) => line("image", "rm", name);

/** Raw keys have no commands of their own: these are curl's. */
export const setKeyCommand = (origin: string, key: string, value: string): string =>
  [
    ...[
      "curl",
      "-X",
      "POST",
      `${origin}/api/v1/crdt`,
      "-H",
      "content-type: application/json",
      "-d",
    ],
    JSON.stringify({ key, value }),
  ]
    .map(quoted)
    .join(" ");

export const deleteKeyCommand = (origin: string, key: string): string =>
  ["curl", "-X", "DELETE", `${origin}/api/v1/crdt/${encodeURIComponent(key)}`]
    .map(quoted)
    .join(" ");

/** Bytes a second, 0 for none. */
export const limitCommand = (l: { upload: number; download: number }): string =>
  line("node", "limit", "--upload", String(l.upload), "--download", String(l.download));

export const gcCommand = line("store", "gc");
export const verifyCommand = line("store", "verify");

/** null takes a label away. */
export const labelCommand = (peer: string, changes: Record<string, string | null>): string =>
  line(
    ...["node", "label", peer],
    ...Object.entries(changes).map(([k, v]) => (v === null ? `${k}-` : `${k}=${v}`)),
  );

export const forgetCommand = (peer: string, evenOnline = false): string =>
  line("node", "forget", peer, ...(evenOnline ? ["--even-online"] : []));
export const explainNodeCommand = (peer: string): string => line("node", "explain", peer);

export const operatorCommand = (what: "add" | "rm", peer: string, dropRecords = false): string =>
  line("operator", what, peer || "PEER", ...(dropRecords ? ["--drop-records"] : []));

export const pinCommand = (what: "add" | "rm", cid: string): string =>
  line("pin", what, cid || "CID");
