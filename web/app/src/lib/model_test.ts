import { describe, expect, test } from "vitest";
import {
  apply,
  nothing,
  overview,
  trafficOf,
  transfersEndedMax,
  type Fleet,
  type Stale,
} from "./model";
import type { Image, Node, Strategy, Transfer } from "./types";

const strategy = (id: string, more: Partial<Strategy> = {}): Strategy =>
  ({
    id,
    nametag: `${id}:1`,
    execute: true,
    state: "stored",
    desired: 2,
    actual: 1,
    ...more,
  }) as Strategy;
const transfer = (id: string, state: Transfer["state"] = "running"): Transfer =>
  ({ id, state, bytes_per_second: 10 }) as Transfer;
const event = (type: string, data: object) => ({ type, data: JSON.stringify(data) });

function after(fleet: Fleet, type: string, data: object): { fleet: Fleet; stale: Stale } {
  const stale: Stale = new Set();
  return { fleet: apply(fleet, event(type, data), stale), stale };
}

describe("a strategy", () => {
  const one: Fleet = { ...nothing, strategies: [strategy("a"), strategy("b")] };

  test("that is new is added", () => {
    const { fleet } = after(one, "strategy", { id: "c", strategy: strategy("c") });
    expect(fleet.strategies.map((s) => s.id)).toEqual(["a", "b", "c"]);
  });
  test("that changed takes the place of what it was", () => {
    const { fleet } = after(one, "strategy", { id: "a", strategy: strategy("a", { actual: 2 }) });
    expect(fleet.strategies.map((s) => s.actual)).toEqual([2, 1]);
    expect(one.strategies[0]?.actual).toBe(1);
  });
  test("that was removed goes", () => {
    const { fleet, stale } = after(one, "strategy", { id: "a", deleted: true });
    expect(fleet.strategies.map((s) => s.id)).toEqual(["b"]);
    expect(stale.size).toBe(0);
  });
  test("of which only the id is told is asked for", () => {
    const { fleet, stale } = after(one, "strategy", { id: "a" });
    expect(fleet).toBe(one);
    expect([...stale]).toEqual(["strategies"]);
  });
});

describe("transfers", () => {
  test("that are new come first", () => {
    const { fleet } = after({ ...nothing, transfers: [transfer("1")] }, "transfer", {
      transfer: transfer("2"),
    });
    expect(fleet.transfers.map((t) => t.id)).toEqual(["2", "1"]);
  });
  test("that ended are forgotten, oldest first; running ones are not", () => {
    const ended = Array.from({ length: transfersEndedMax }, (_, i) => transfer(`e${i}`, "done"));
    const { fleet } = after({ ...nothing, transfers: [...ended, transfer("r")] }, "transfer", {
      transfer: transfer("new", "failed"),
    });
    expect(fleet.transfers).toHaveLength(transfersEndedMax + 1);
    expect(fleet.transfers[0]?.id).toBe("new");
    expect(fleet.transfers.at(-1)?.id).toBe("r");
    expect(fleet.transfers.some((t) => t.id === `e${transfersEndedMax - 1}`)).toBe(false);
  });
});

test("sync makes everything stale and keeps it until it is there anew", () => {
  const { fleet, stale } = after(nothing, "sync", {});
  expect(fleet).toBe(nothing);
  expect([...stale].sort()).toEqual(["images", "nodes", "strategies", "transfers"]);
});

test.each([
  ["/dm1/strategy/x/rec", "strategies"],
  ["dm1/strategy/x/rec", "strategies"],
  ["/dm1/image/x/rec", "images"],
  ["/dm1/name/x/rec", "images"],
  ["/dm1/node/x/rec", "nodes"],
])("a change of %s makes %s stale", (key, part) => {
  expect([...after(nothing, "crdt", { key }).stale]).toEqual([part]);
});

test("keys of others, events that are unknown or no JSON change nothing", () => {
  expect(after(nothing, "crdt", { key: "mine" }).stale.size).toBe(0);
  expect(after(nothing, "weather", { a: 1 }).fleet).toBe(nothing);
  expect(apply(nothing, { type: "node", data: "{" }, new Set())).toBe(nothing);
});

test("the overview counts what is in force", () => {
  const all = overview({
    ...nothing,
    strategies: [
      strategy("a"),
      strategy("b", { actual: 5, state: "failed", digest: "sha256:b" }),
      strategy("c", { execute: false, state: "paused" }),
    ],
    images: [{ digest: "sha256:b", size: 100 } as Image],
    nodes: [{ online: true } as Node, { online: false } as Node],
    transfers: [transfer("1"), transfer("2", "done")],
  });
  expect(all).toMatchObject({
    copiesWanted: 4,
    copiesThere: 3,
    nodes: 2,
    nodesOnline: 1,
    moving: 1,
    bytesPerSecond: 10,
    bytesSaved: 400,
  });
  expect(all.troubled.map((s) => s.id)).toEqual(["b"]);
});

test("traffic is by peer", () => {
  const a = { peer: "a", sent_per_second: 1, received_per_second: 2 };
  expect([...trafficOf(event("traffic", { peers: [a] }))]).toEqual([["a", a]]);
  expect(trafficOf(event("traffic", {})).size).toBe(0);
  expect(trafficOf({ type: "traffic", data: "{" }).size).toBe(0);
});
