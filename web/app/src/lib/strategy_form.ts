/** The form of a strategy: what is wrong with it, and the payload that it stands for. Pure. */
import type { Strategy, StrategyPayload } from "./types";

export interface StrategyFields {
  type: "percentage" | "target";
  nametag: string;
  percentage: string;
  /** Peer ids, separated by commas or white space. */
  target: string;
  /** "key=value", separated by commas or line breaks. */
  selector: string;
  execute: boolean;
  replace: boolean;
}

export type FieldErrors = Partial<Record<keyof StrategyFields, string>>;

export const emptyFields: StrategyFields = {
  type: "percentage",
  nametag: "",
  percentage: "100",
  target: "",
  selector: "",
  execute: true,
  replace: false,
};

export function fieldsOf(s: Strategy): StrategyFields {
  return {
    type: s.type,
    nametag: s.nametag,
    percentage: String(s.percentage || 100),
    target: s.target.split(",").join("\n"),
    selector: Object.entries(s.selector)
      .map(([k, v]) => `${k}=${v}`)
      .join("\n"),
    execute: s.execute,
    replace: s.replace,
  };
}

const parts = (text: string, by: RegExp): string[] =>
  text
    .split(by)
    .map((p) => p.trim())
    .filter(Boolean);

/** Base58 of an identity or SHA-256 multihash, or a CID: the node has the last word. */
const peerId =
  /^(?:12D3KooW[1-9A-HJ-NP-Za-km-z]{44}|Qm[1-9A-HJ-NP-Za-km-z]{44}|[bzkf][0-9A-Za-z]{40,})$/;

/** What the node would refuse, as far as that can be seen here. */
export function check(f: StrategyFields): FieldErrors {
  const wrong: FieldErrors = {};
  const name = f.nametag.trim();
  if (!name) wrong.nametag = "Name an image, as in busybox:1.35.0.";
  else if (/\s/.test(name)) wrong.nametag = "Image names hold no spaces.";
  else if (/^[a-z]+:\/\//.test(name))
    wrong.nametag = "An image name, not an address: leave out https://.";
  if (f.type === "percentage") {
    const p = Number(f.percentage);
    if (!/^\d+$/.test(f.percentage.trim()) || p < 1 || p > 100)
      wrong.percentage = "A whole number from 1 to 100.";
  } else {
    const targets = parts(f.target, /[\s,]+/);
    const bad = targets.find((t) => !peerId.test(t));
    if (targets.length === 0) wrong.target = "Name at least one node by its peer id.";
    else if (bad) wrong.target = `${bad} is no peer id.`;
  }
  const bad = parts(f.selector, /[\n,]+/).find((l) => !/^[^=\s]+=\S*$/.test(l));
  if (bad) wrong.selector = `${bad} is no label: write key=value.`;
  return wrong;
}

export function payloadOf(f: StrategyFields): StrategyPayload {
  const labels = parts(f.selector, /[\n,]+/).map((l): [string, string] => {
    const at = l.indexOf("=");
    return [l.slice(0, at), l.slice(at + 1)];
  });
  return {
    type: f.type,
    nametag: f.nametag.trim(),
    percentage: f.type === "percentage" ? Number(f.percentage) : 0,
    target: f.type === "target" ? parts(f.target, /[\s,]+/).join(",") : "",
    execute: f.execute,
    selector: Object.fromEntries(labels),
    replace: f.replace,
  };
}
