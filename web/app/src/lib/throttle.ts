/**
 * `f`, run at once and then at most every `interval` milliseconds: of calls in between the last one
 * counts. Never two at a time.
 */
export function throttled(interval: number, f: () => Promise<void>): () => void {
  let waiting = false;
  let again = false;
  return function call() {
    if (waiting) {
      again = true;
      return;
    }
    waiting = true;
    void f().finally(() =>
      setTimeout(() => {
        waiting = false;
        if (again) {
          again = false;
          call();
        }
      }, interval),
    );
  };
}
