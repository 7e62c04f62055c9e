export interface Notice {
  id: number;
  text: string;
  bad: boolean;
}

const shownFor = 8000;
const shownMax = 4;

/** What has just been done, or could not be: said aloud, and shown for a while. */
class Notices {
  list: readonly Notice[] = $state.raw([]);
  #next = 1;

  add(text: string, bad = false): void {
    const id = this.#next++;
    this.list = [...this.list, { id, text, bad }].slice(-shownMax);
    if (!bad) setTimeout(() => this.remove(id), shownFor);
  }

  remove(id: number): void {
    this.list = this.list.filter((n) => n.id !== id);
  }
}

export const notices = new Notices();
