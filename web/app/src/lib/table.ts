/** Sorting, filtering and windowing of long tables. Pure. */

export interface Column<T> {
  id: string;
  name: string;
  /** What rows are sorted by; columns without are not sorted by. */
  value?: (row: T) => string | number;
  number?: boolean;
  /** Not shown on narrow screens. */
  wide?: boolean;
}

export interface Order {
  column: string;
  descending: boolean;
}

/** The same column again turns the order round. */
export const nextOrder = (order: Order, column: string): Order => ({
  column,
  descending: order.column === column && !order.descending,
});

/** In `order`; rows that are alike there stay as they were. */
export function sorted<T>(rows: readonly T[], columns: readonly Column<T>[], order: Order): T[] {
  const value = columns.find((c) => c.id === order.column)?.value;
  if (!value) return [...rows];
  const sign = order.descending ? -1 : 1;
  // The values are worked out once a row, not once a comparison.
  return rows
    .map((row) => ({ row, value: value(row) }))
    .sort((a, b) => sign * compare(a.value, b.value))
    .map((x) => x.row);
}

const collator = new Intl.Collator(undefined, { numeric: true });

function compare(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return collator.compare(String(a), String(b));
}

/** Rows whose text holds every word of `query`, whatever the case. */
export function filtered<T>(
  rows: readonly T[],
  query: string,
  text: (row: T) => string,
): readonly T[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const t = text(row).toLowerCase();
    return words.every((w) => t.includes(w));
  });
}

export interface Window {
  first: number;
  /** One past the last. */
  end: number;
}

/** Which of `total` rows of one height are worth drawing, with some beyond each edge. */
export function visible(
  scrollTop: number,
  height: number,
  rowHeight: number,
  total: number,
  beyond = 8,
): Window {
  const first = Math.min(Math.max(0, Math.floor(scrollTop / rowHeight) - beyond), total);
  const end = Math.min(total, Math.ceil((scrollTop + height) / rowHeight) + beyond);
  return { first, end: Math.max(first, end) };
}
