import { describe, expect, test } from "vitest";
import { applyCommand, quoted } from "./commands";
import { check, emptyFields, fieldsOf, payloadOf, type StrategyFields } from "./strategy_form";
import type { Strategy } from "./types";

const peer = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
const fields = (more: Partial<StrategyFields>): StrategyFields => ({
  ...emptyFields,
  nametag: "busybox:1.35.0",
  ...more,
});

describe("the form", () => {
  test("takes what the node takes", () => {
    expect(check(fields({}))).toEqual({});
    expect(check(fields({ type: "target", target: `${peer}\n${peer}` }))).toEqual({});
    expect(check(fields({ selector: "site=store, tier=" }))).toEqual({});
  });
  test.each(["", "0", "101", "5.5", "x", "-1"])("refuses %o as a percentage", (percentage) =>
    expect(check(fields({ percentage })).percentage).toBeDefined(),
  );
  test("does not look at what its type does not use", () => {
    expect(check(fields({ type: "target", target: peer, percentage: "x" }))).toEqual({});
    expect(check(fields({ target: "x" }))).toEqual({});
  });
  test.each(["", "a b", "https://ghcr.io/a"])("refuses %o as an image", (nametag) =>
    expect(check(fields({ nametag })).nametag).toBeDefined(),
  );
  test("names the target that is no peer id", () => {
    const wrong = check(fields({ type: "target", target: `${peer}, 12D3KooWO` }));
    expect(wrong.target).toContain("12D3KooWO");
  });
  test("refuses labels without a key", () =>
    expect(check(fields({ selector: "=x" })).selector).toBeDefined());
});

test("an edited strategy that nobody touched is the same", () => {
  const s = {
    type: "target",
    nametag: "a:1",
    percentage: 0,
    target: `${peer},${peer}`,
    selector: { site: "a=b" },
    execute: false,
    replace: true,
  } as unknown as Strategy;
  expect(payloadOf(fieldsOf(s))).toMatchObject({
    type: "target",
    nametag: "a:1",
    target: `${peer},${peer}`,
    selector: { site: "a=b" },
    execute: false,
    replace: true,
  });
});

describe("commands", () => {
  test("say what the form does", () => {
    expect(applyCommand(payloadOf(fields({ percentage: "50", selector: "site=a b" })), true)).toBe(
      "distromash strategy apply busybox:1.35.0 --percentage 50 --label 'site=a b' --dry-run",
    );
    expect(
      applyCommand(payloadOf(fields({ type: "target", target: `${peer} x`, execute: false }))),
    ).toBe(`distromash strategy apply busybox:1.35.0 --target ${peer} --target x --no-execute`);
  });
  test("hold no word that a shell would take for something else", () => {
    expect(quoted("a'; rm -rf $HOME")).toBe(`'a'\\''; rm -rf $HOME'`);
    expect(quoted("")).toBe("''");
  });
});
