import { parseRoute, type Route } from "./route";

class Router {
  route: Route = $state.raw(parseRoute(location.pathname));

  constructor() {
    addEventListener("popstate", () => this.#show());
    // Links of the application are followed without loading it anew; other links, other keys and
    // other buttons do what they do in any page.
    document.addEventListener("click", (e) => {
      const link = e.target instanceof Element ? e.target.closest("a") : null;
      if (!link || link.target || link.origin !== location.origin || e.defaultPrevented) return;
      if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
      if (link.hash || parseRoute(link.pathname).page === "unknown") return;
      e.preventDefault();
      this.go(link.pathname);
    });
  }

  go(path: string): void {
    if (path !== location.pathname) history.pushState(null, "", path);
    this.#show();
    scrollTo(0, 0);
    // Whoever does not see the page hears where they are now.
    document.querySelector<HTMLElement>("main")?.focus({ preventScroll: true });
  }

  #show(): void {
    this.route = parseRoute(location.pathname);
  }
}

export const router = new Router();
