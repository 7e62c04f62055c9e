/**
 * What the page knows of the fleet, and how events change it. Pure: `apply` leaves its argument as
 * it is, and lists that an event does not touch are the same objects afterwards.
 */
import type { SentEvent } from "./sse";
import type { Image, Node, Strategy, Transfer } from "./types";

export interface Fleet {
  strategies: readonly Strategy[];
  images: readonly Image[];
  transfers: readonly Transfer[];
  nodes: readonly Node[];
}

/** Ended transfers that are remembered, as the node does. */
export const transfersEndedMax = 64;

export const nothing: Fleet = { strategies: [], images: [], transfers: [], nodes: [] };

/** What of the fleet has to be asked for anew, since an event told of a change but not of the outcome. */
export type Stale = Set<keyof Fleet>;

interface Told {
  id?: string;
  digest?: string;
  deleted?: boolean;
  strategy?: Strategy;
  image?: Image;
  transfer?: Transfer;
  node?: Node;
}

function put<T>(list: readonly T[], item: T, same: (a: T) => boolean): readonly T[] {
  const at = list.findIndex(same);
  return at < 0 ? [...list, item] : list.with(at, item);
}

function applyTransfer(list: readonly Transfer[], t: Transfer): readonly Transfer[] {
  if (list.some((x) => x.id === t.id)) return list.map((x) => (x.id === t.id ? t : x));
  let ended = 0;
  return [t, ...list].filter((x) => x.state === "running" || ++ended <= transfersEndedMax);
}

/** The fleet after `event`; what cannot be known from it is added to `stale`. */
export function apply(fleet: Fleet, event: SentEvent, stale: Stale): Fleet {
  if (event.type === "sync") {
    for (const part of Object.keys(nothing)) stale.add(part as keyof Fleet);
    return fleet;
  }
  let told: Told;
  try {
    told = JSON.parse(event.data) as Told;
  } catch {
    return fleet;
  }
  const { strategy, image, transfer, node } = told;
  switch (event.type) {
    case "strategy":
      if (told.deleted)
        return { ...fleet, strategies: fleet.strategies.filter((s) => s.id !== told.id) };
      if (!strategy) stale.add("strategies");
      else
        return {
          ...fleet,
          strategies: put(fleet.strategies, strategy, (s) => s.id === strategy.id),
        };
      return fleet;
    case "image":
      if (!image) stale.add("images");
      else return { ...fleet, images: put(fleet.images, image, (i) => i.digest === image.digest) };
      return fleet;
    case "transfer":
      if (!transfer) stale.add("transfers");
      else return { ...fleet, transfers: applyTransfer(fleet.transfers, transfer) };
      return fleet;
    case "node":
      if (!node) stale.add("nodes");
      else return { ...fleet, nodes: put(fleet.nodes, node, (n) => n.peer === node.peer) };
      return fleet;
    case "crdt":
      return applyKey(fleet, told as { key?: string }, stale);
    default:
      return fleet;
  }
}

/** Whether an event is about who may steer the mesh. */
export const isOfOperators = (event: SentEvent): boolean =>
  event.type === "crdt" && /"key":"\/?dm1\/operator\//.test(event.data);

/** DistroMash's own records lie below /dm1/; others concern the page of raw keys only. */
function applyKey(fleet: Fleet, told: { key?: string }, stale: Stale): Fleet {
  const kind = /^\/?dm1\/([a-z]+)\//.exec(told.key ?? "")?.[1];
  if (kind === "strategy") stale.add("strategies");
  else if (kind === "image" || kind === "name") stale.add("images");
  else if (kind === "node") stale.add("nodes");
  return fleet;
}

/** Bytes a second between this node and one that it is connected to. */
export interface Traffic {
  peer: string;
  sent_per_second: number;
  received_per_second: number;
}

/** By peer, of a `traffic` event; empty when it says nothing of the kind. */
export function trafficOf(event: SentEvent): ReadonlyMap<string, Traffic> {
  try {
    const { peers } = JSON.parse(event.data) as { peers?: Traffic[] };
    return new Map((peers ?? []).map((p) => [p.peer, p]));
  } catch {
    return new Map();
  }
}

export interface Overview {
  nodesOnline: number;
  nodes: number;
  /** Copies that strategies in force want, and that are there. */
  copiesWanted: number;
  copiesThere: number;
  bytesPerSecond: number;
  moving: number;
  /** Of copies beyond the first of each image, which came from the fleet rather than a registry. */
  bytesSaved: number;
  /** Strategies that need somebody. */
  troubled: readonly Strategy[];
}

const troubles = new Set(["failed", "conflict", "blocked", "engine_unavailable"]);
export const isTrouble = (state: string): boolean => troubles.has(state);

export function overview(fleet: Fleet): Overview {
  const running = fleet.transfers.filter((t) => t.state === "running");
  const inForce = fleet.strategies.filter((s) => s.execute);
  const sizes = new Map(fleet.images.map((i) => [i.digest, i.size]));
  const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
  return {
    nodes: fleet.nodes.length,
    nodesOnline: fleet.nodes.filter((n) => n.online).length,
    copiesWanted: sum(inForce.map((s) => s.desired)),
    copiesThere: sum(inForce.map((s) => Math.min(s.actual, s.desired))),
    bytesPerSecond: sum(running.map((t) => t.bytes_per_second)),
    moving: running.length,
    bytesSaved: sum(
      inForce.map((s) => Math.max(0, s.actual - 1) * (sizes.get(s.digest ?? "") ?? 0)),
    ),
    troubled: inForce.filter((s) => isTrouble(s.state)),
  };
}
