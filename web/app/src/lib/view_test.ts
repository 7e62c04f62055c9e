import { describe, expect, test } from "vitest";
import { rings, thickness } from "./mesh_layout";
import { rates } from "./rates";
import { address, parseRoute } from "./route";
import { appended, type Columns } from "./series";
import { holdersOf, lookOf } from "./states";
import type { NodeLine, Transfer } from "./types";

describe("addresses", () => {
  test.each(["busybox:1.35.0", "ghcr.io/a/b:1", "<img src=x onerror=alert(1)>", "100%"])(
    "lead back to %s",
    (item) => expect(parseRoute(address("image", item))).toEqual({ page: "image", item }),
  );
  test("of the start is the strategies", () =>
    expect(parseRoute("/")).toEqual({ page: "strategy", item: "" }));
  test("that are none are told apart", () => {
    expect(parseRoute("/swagger/").page).toBe("unknown");
    expect(parseRoute("/image/%zz").page).toBe("unknown");
  });
});

describe("series", () => {
  test("forget what is older than their span", () => {
    let c: Columns = [[], []];
    for (let t = 0; t < 10; ++t) c = appended(c, t, [t * 2], 3);
    expect(c).toEqual([
      [6, 7, 8, 9],
      [12, 14, 16, 18],
    ]);
  });
  test("begin anew after a long pause", () => {
    expect(appended([[1], [1]], 100, [5], 3)).toEqual([[100], [5]]);
  });
});

test("rates are by source, of what runs", () => {
  const t = (kind: string, from: string, state = "running") =>
    ({ kind, from, state, bytes_per_second: 10 }) as Transfer;
  expect(
    rates([
      t("import", "docker.io"),
      t("import", "3 peers"),
      t("import", "peers"),
      t("load", "store"),
      t("load", "store", "done"),
    ]),
  ).toEqual([10, 20, 10]);
});

describe("the picture of the mesh", () => {
  test("has every node in it, no two at one place", () => {
    for (const n of [0, 1, 20, 21, 60]) {
      const places = rings(n, 900, 420);
      expect(places).toHaveLength(n);
      expect(new Set(places.map((p) => `${p.x.toFixed(2)},${p.y.toFixed(2)}`)).size).toBe(n);
      for (const p of places) {
        expect(p.x).toBeGreaterThan(0);
        expect(p.x).toBeLessThan(900);
        expect(p.y).toBeGreaterThan(0);
        expect(p.y).toBeLessThan(420);
      }
    }
  });
  test("draws more traffic thicker, up to a bound", () => {
    expect(thickness(0)).toBe(1);
    expect(thickness(1e6)).toBeGreaterThan(thickness(1e4));
    expect(thickness(1e30)).toBe(8);
  });
});

describe("states", () => {
  test("of newer nodes are shown as they are said", () =>
    expect(lookOf("thawing")).toMatchObject({ word: "thawing" }));
  test("of a node that several strategies look at are one line", () => {
    const line = (peer: string, state: string, chosen: boolean) =>
      ({ peer, state, chosen }) as NodeLine;
    const lines = [
      line("a", "kept", false),
      line("a", "loaded", true),
      line("b", "not_chosen", false),
      line("c", "absent", false),
    ];
    expect(holdersOf(lines)).toEqual([lines[1]]);
  });
});
