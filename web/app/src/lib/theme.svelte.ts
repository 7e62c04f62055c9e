const choices = ["auto", "light", "dark"] as const;
export type Choice = (typeof choices)[number];
const key = "distromash.theme";

function remembered(): Choice {
  try {
    return choices.find((c) => c === localStorage.getItem(key)) ?? "auto";
  } catch {
    return "auto";
  }
}

/** Light or dark; the system decides unless it was said here. */
class Theme {
  choice: Choice = $state(remembered());

  constructor() {
    this.#show();
  }

  next(): void {
    this.choice = choices[(choices.indexOf(this.choice) + 1) % choices.length] ?? "auto";
    this.#show();
    try {
      localStorage.setItem(key, this.choice);
    } catch {
      // Not remembered where the browser keeps nothing.
    }
  }

  #show(): void {
    document.documentElement.dataset.theme = this.choice;
  }
}

export const theme = new Theme();
