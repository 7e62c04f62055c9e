/** Addresses of the application's pages. Pure. */

export const pages = ["strategy", "image", "peers", "transfer", "crdt"] as const;
export type Page = (typeof pages)[number];

export interface Route {
  page: Page | "unknown";
  /** What the page is about: a strategy's key, an image's name, a peer; empty for the list. */
  item: string;
}

export function parseRoute(path: string): Route {
  const [first = "", ...rest] = path.replace(/^\/|\/$/g, "").split("/");
  if (first === "") return { page: "strategy", item: "" };
  const page = pages.find((p) => p === first);
  if (!page) return { page: "unknown", item: "" };
  try {
    return { page, item: decodeURIComponent(rest.join("/")) };
  } catch {
    return { page: "unknown", item: "" };
  }
}

export const address = (page: Page, item = ""): string =>
  item ? `/${page}/${encodeURIComponent(item)}` : `/${page}`;
