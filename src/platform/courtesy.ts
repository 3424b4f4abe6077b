/**
 * Background work in a process that answers requests lets those go first. While somebody has asked within the last
 * second it works in short stretches and rests after each for a multiple of it; nobody has to wait for its end, and
 * by night, when nobody asks, it has the process for itself.
 */
import { availableParallelism } from 'node:os';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

const attentiveMilliseconds = 1000;
/** what a request may find in its way, at each of its few steps */
const stretchMilliseconds = 3;
/** of a rest, in stretches */
const restRatio = 3;
/** leases are longer */
const longestRestMilliseconds = 1000;

let lastRequest = Number.NEGATIVE_INFINITY;

/** Somebody waits for an answer of this process. */
export function noteRequest(): void {
  lastRequest = performance.now();
}

export const isSomebodyWaiting = (): boolean => performance.now() - lastRequest < attentiveMilliseconds;

/** A stretch of work. Ask `isDue` as often as you like, and then await `rest`. */
export type Stretch = { isDue(): boolean; rest(): Promise<void> };

export function newStretch(): Stretch {
  let since = performance.now();
  return {
    isDue: () => performance.now() - since >= stretchMilliseconds,
    async rest() {
      await giveWay(performance.now() - since);
      since = performance.now();
    },
  };
}

/** After so much work: a turn for others, or a rest where somebody waits. */
export async function giveWay(workedMilliseconds: number): Promise<void> {
  if (!isSomebodyWaiting()) await nextTurn();
  else await sleep(Math.min(workedMilliseconds * restRatio, longestRestMilliseconds));
}

/** Where the database is on the same machine, half of the processors are left to whoever waits. */
const lanes = Math.max(1, Math.floor(availableParallelism() / 2));

/**
 * Work that goes on in several lanes, each until nothing is left: while somebody waits fewer begin. One that did not
 * begin says that nothing is left, as those that run come to it.
 */
export function newLanes(): (work: () => Promise<boolean>) => Promise<boolean> {
  let running = 0;
  return async (work) => {
    if (running >= lanes && isSomebodyWaiting()) return false;
    running += 1;
    try {
      return await work();
    } finally {
      running -= 1;
    }
  };
}
