import { sentence } from "./api";

export interface Notice {
  id: number;
  text: string;
  bad: boolean;
  /** Takes back what was done. */
  undo: (() => Promise<unknown>) | undefined;
}

const shownFor = 8000;
const undoFor = 20_000;
const shownMax = 4;

/** What has just been done, or could not be: said aloud, and shown for a while. */
class Notices {
  list: readonly Notice[] = $state.raw([]);
  #next = 1;

  add(text: string, bad = false, undo?: () => Promise<unknown>): void {
    const id = this.#next++;
    this.list = [...this.list, { id, text, bad, undo }].slice(-shownMax);
    if (!bad) setTimeout(() => this.remove(id), undo ? undoFor : shownFor);
  }

  async undo(n: Notice): Promise<void> {
    this.remove(n.id);
    try {
      await n.undo?.();
      this.add("Taken back.");
    } catch (e) {
      this.add(sentence(e), true);
    }
  }

  remove(id: number): void {
    this.list = this.list.filter((n) => n.id !== id);
  }
}

export const notices = new Notices();
