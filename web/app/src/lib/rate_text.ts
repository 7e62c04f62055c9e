/** Rates as people write them: "500KB", "10MB", powers of 1000 as the command line takes them. Pure. */

const units = ["", "K", "M", "G", "T"];

/** Bytes a second; undefined for what is none. Empty means no limit, as 0 does. */
export function rateOf(text: string): number | undefined {
  const m = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?(?:\/s)?$/i.exec(text.trim() || "0");
  if (!m) return undefined;
  const [, digits = "", unit = "", binary] = m;
  if (binary && !unit) return undefined;
  const n = Math.round(
    Number(digits) * (binary ? 1024 : 1000) ** units.indexOf(unit.toUpperCase()),
  );
  return n <= 1e12 ? n : undefined;
}

/** So that `rateOf` gives it back. */
export function rateText(n: number): string {
  let unit = 0;
  while (n > 0 && n % 1000 === 0 && unit < units.length - 1) {
    n /= 1000;
    ++unit;
  }
  return unit === 0 ? String(n) : `${n}${units[unit]}B`;
}
