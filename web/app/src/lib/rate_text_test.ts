import { expect, test } from "vitest";
import { rateOf, rateText } from "./rate_text";

test.each([
  ["", 0],
  ["0", 0],
  ["500KB", 500_000],
  ["10 MB", 10_000_000],
  ["1.5MB/s", 1_500_000],
  ["1MiB", 1_048_576],
  ["750", 750],
])("%j is %d bytes a second", (text, n) => expect(rateOf(text)).toBe(n));

test.each(["fast", "-1", "1iB", "10XB", "2000GB"])("%j is no rate", (text) =>
  expect(rateOf(text)).toBeUndefined(),
);

test.each([0, 1, 999, 1000, 1_500_000, 1e12])("%d is written so that it is read back", (n) =>
  expect(rateOf(rateText(n))).toBe(n),
);
