import { clock, live } from "./live.svelte";
import { rateNames, rates } from "./rates";
import { appended, type Columns } from "./series";

/** Seconds that plots look back. */
export const rateSpan = 300;
export const rolloutSpan = 600;
/** Strategies whose rollout is remembered; a sample each a second. */
const rolloutsMax = 100;

/** What happened since the application was opened, whichever page was looked at. */
class History {
  rates: Columns = $state.raw([[], ...rateNames.map(() => [])]);
  #rollouts: Readonly<Record<string, Columns>> = $state.raw({});

  /** Times, copies in place, copies wanted. */
  rollout(id: string): Columns {
    return this.#rollouts[id] ?? [[], [], []];
  }

  /** Once a second, from the root of the application. */
  sample(): void {
    if (live.connection !== "live" || !live.complete) return;
    const now = clock.now / 1000;
    this.rates = appended(this.rates, now, rates(live.fleet.transfers), rateSpan);
    this.#rollouts = Object.fromEntries(
      live.fleet.strategies
        .slice(0, rolloutsMax)
        .map((s) => [s.id, appended(this.rollout(s.id), now, [s.actual, s.desired], rolloutSpan)]),
    );
  }
}

export const history = new History();
