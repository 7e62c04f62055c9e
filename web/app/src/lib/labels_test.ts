import { expect, test } from "vitest";
import { labelChanges, labelsText, readLabels } from "./labels";

test("labels are written one a line, and read back", () => {
  const labels = { site: "store-7", "rack/row": "4" };
  expect(labelsText(labels)).toBe("site=store-7\nrack/row=4");
  expect(readLabels(labelsText(labels))).toEqual({ labels, wrong: "" });
  expect(readLabels(" a=1 , b=2\n\n").labels).toEqual({ a: "1", b: "2" });
});

test.each(["site", "=x", "a b=c", "a=", `a=${"x".repeat(64)}`])("%j is no label", (line) =>
  expect(readLabels(`good=1\n${line}`).wrong).toBe(line),
);

test("only what differs is asked for", () => {
  expect(labelChanges({ a: "1", b: "2", c: "3" }, { a: "1", b: "9", d: "4" })).toEqual({
    c: null,
    b: "9",
    d: "4",
  });
  expect(labelChanges({ a: "1" }, { a: "1" })).toEqual({});
});
