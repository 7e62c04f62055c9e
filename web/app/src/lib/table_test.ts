import { describe, expect, test } from "vitest";
import { filtered, nextOrder, sorted, visible, type Column } from "./table";

interface Row {
  name: string;
  size: number;
}
const rows: Row[] = [
  { name: "node10", size: 1 },
  { name: "node9", size: 3 },
  { name: "Node1", size: 3 },
];
const columns: Column<Row>[] = [
  { id: "name", name: "Name", value: (r) => r.name },
  { id: "size", name: "Size", value: (r) => r.size },
  { id: "other", name: "Other" },
];
const names = (list: readonly Row[]) => list.map((r) => r.name);

describe("sorting", () => {
  test("takes numbers in names as numbers", () => {
    expect(names(sorted(rows, columns, { column: "name", descending: false }))).toEqual([
      "Node1",
      "node9",
      "node10",
    ]);
  });
  test("keeps what is alike as it was, either way round", () => {
    expect(names(sorted(rows, columns, { column: "size", descending: false }))).toEqual([
      "node10",
      "node9",
      "Node1",
    ]);
    expect(names(sorted(rows, columns, { column: "size", descending: true }))).toEqual([
      "node9",
      "Node1",
      "node10",
    ]);
  });
  test("by a column that has no values does nothing", () => {
    expect(sorted(rows, columns, { column: "other", descending: false })).toEqual(rows);
  });
  test("by the same column again turns round", () => {
    expect(nextOrder({ column: "a", descending: false }, "a")).toEqual({
      column: "a",
      descending: true,
    });
    expect(nextOrder({ column: "a", descending: true }, "b")).toEqual({
      column: "b",
      descending: false,
    });
  });
});

test("the filter wants every word, whatever the case", () => {
  const text = (r: Row) => `${r.name} ${r.size}`;
  expect(names(filtered(rows, "NODE 3", text))).toEqual(["node9", "Node1"]);
  expect(filtered(rows, "  ", text)).toBe(rows);
});

describe("the window", () => {
  test("holds what is in sight and some more", () => {
    expect(visible(0, 400, 40, 1000, 5)).toEqual({ first: 0, end: 15 });
    expect(visible(4000, 400, 40, 1000, 5)).toEqual({ first: 95, end: 115 });
  });
  test("ends with the rows", () => {
    expect(visible(39_800, 400, 40, 1000, 5)).toEqual({ first: 990, end: 1000 });
    expect(visible(99_999, 400, 40, 10, 5)).toEqual({ first: 10, end: 10 });
    expect(visible(0, 400, 40, 0)).toEqual({ first: 0, end: 0 });
  });
});
