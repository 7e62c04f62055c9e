import { describe, expect, test } from "vitest";
import { entriesMax, noted, type Entry, type Seen } from "./journal";

const seen = (state: Seen["state"], reason = "", id = "a"): Seen => ({
  id,
  nametag: `${id}:1`,
  state,
  reason,
});
const states = (journal: readonly Entry[]) => journal.map((e) => e.state);

describe("the journal of a node", () => {
  test("has a line for each change, newest first", () => {
    let journal: readonly Entry[] = [];
    journal = noted(journal, [seen("importing")], 1);
    journal = noted(journal, [seen("importing")], 2);
    journal = noted(journal, [seen("failed", "no room")], 3);
    expect(journal).toEqual([
      { at: 3, strategy: "a", nametag: "a:1", state: "failed", reason: "no room" },
      { at: 1, strategy: "a", nametag: "a:1", state: "importing", reason: "" },
    ]);
  });
  test("does not count seconds", () => {
    const once = noted([], [seen("failed", "refused; next try in 3 s")], 1);
    expect(noted(once, [seen("failed", "refused; next try in 2 s")], 2)).toBe(once);
    expect(once[0]?.reason).toBe("refused");
  });
  test("begins with what concerns it", () => {
    expect(noted([], [seen("not_chosen")], 1)).toEqual([]);
    const held = noted([], [seen("stored")], 1);
    expect(states(noted(held, [seen("not_chosen")], 2))).toEqual(["not_chosen", "stored"]);
  });
  test("says once that a strategy is gone", () => {
    const gone = noted(noted([], [seen("stored")], 1), [], 2);
    expect(states(gone)).toEqual(["removed", "stored"]);
    expect(noted(gone, [], 3)).toBe(gone);
  });
  test("is bounded", () => {
    let journal: readonly Entry[] = [];
    for (let i = 0; i < entriesMax + 10; ++i)
      journal = noted(journal, [seen(i % 2 ? "importing" : "failed")], i);
    expect(journal.length).toBe(entriesMax);
    expect(journal[0]?.at).toBe(entriesMax + 9);
  });
});
