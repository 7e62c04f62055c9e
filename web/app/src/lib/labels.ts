/** Labels as people edit them: one "key=value" a line. Pure. */

export type Labels = Readonly<Record<string, string>>;

export const labelsText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([k, v]) => `${k}=${v}`)
    .join("\n");

const labelText = /^[\w.\-/]{1,63}$/;

/** What `text` says; `wrong` is the first line that is no label, empty when all are. */
export function readLabels(text: string): { labels: Labels; wrong: string } {
  const out: Record<string, string> = {};
  for (const line of text.split(/[\n,]+/).map((l) => l.trim())) {
    if (!line) continue;
    const at = line.indexOf("=");
    const key = line.slice(0, at);
    const value = line.slice(at + 1);
    if (at < 0 || !labelText.test(key) || !labelText.test(value))
      return { labels: {}, wrong: line };
    out[key] = value;
  }
  return { labels: out, wrong: "" };
}

/** What makes `wanted` of `now`: null takes a label away. */
export function labelChanges(now: Labels, wanted: Labels): Record<string, string | null> {
  const out: Record<string, string | null> = {};
  for (const key of Object.keys(now)) if (!(key in wanted)) out[key] = null;
  for (const [key, value] of Object.entries(wanted)) if (now[key] !== value) out[key] = value;
  return out;
}
