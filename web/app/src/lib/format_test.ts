import { describe, expect, test } from "vitest";
import {
  bytes,
  count,
  duration,
  percent,
  relative,
  remaining,
  shortDigest,
  shortPeer,
} from "./format";

describe("bytes", () => {
  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [1024 * 1024 - 1, "1.0 MiB"],
    [150 * 1024 * 1024, "150 MiB"],
    [1.2 * 1024 ** 3, "1.2 GiB"],
    [2 ** 60, "1024 PiB"],
  ])("%d is shown as %s", (n, text) => expect(bytes(n)).toBe(text));
});

describe("percent", () => {
  test("is 100 only when all is done", () => {
    expect(percent(9_999_999, 10_000_000)).toBe(99);
    expect(percent(10, 10)).toBe(100);
    expect(percent(11, 10)).toBe(100);
  });
  test("of nothing is 0", () => expect(percent(0, 0)).toBe(0));
});

describe("times", () => {
  test("are in one unit", () => {
    expect(duration(-5)).toBe("0 s");
    expect(duration(59_999)).toBe("59 s");
    expect(duration(60_000)).toBe("1 min");
    expect(duration(3_600_000)).toBe("1 h");
    expect(duration(86_400_000 * 12)).toBe("12 d");
  });
  test("lie in the past or ahead", () => {
    const now = Date.parse("2026-01-31T12:00:00Z");
    expect(relative("2026-01-31T11:55:00Z", now)).toBe("5 min ago");
    expect(relative("2026-01-31T12:00:03Z", now)).toBe("in 3 s");
    expect(relative("2026-01-31T12:00:00.5Z", now)).toBe("now");
  });
  test("that are none are shown as they are", () => expect(relative("soon", 0)).toBe("soon"));
  test("remain only where there is a rate", () => {
    expect(remaining(50, 150, 10)).toBe("10 s");
    expect(remaining(50, 150, 0)).toBe("");
    expect(remaining(150, 150, 10)).toBe("");
  });
});

test("long names are shortened, short ones kept", () => {
  expect(shortDigest(`sha256:${"ab".repeat(32)}`)).toBe("sha256:abababababab…");
  expect(shortDigest("sha256:abc")).toBe("sha256:abc");
  expect(shortPeer("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA")).toBe("12D3…eQAJU5SA");
  expect(shortPeer("short")).toBe("short");
});

test("one is singular", () => {
  expect(count(1, "node")).toBe("1 node");
  expect(count(0, "node")).toBe("0 nodes");
});
