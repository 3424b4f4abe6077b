/** What background work looks like: a queue that is woken, and something that does what is due. */
import { type Clock, clockMoved } from './clock.js';
import { type Ctx, type Services, systemContext } from './context.js';
import { newId } from './ids.js';
import type { Logger } from './log.js';

/** What jobs are made with. */
export type JobDeps = { services: Services; clock: Clock; log: Logger };

/** For a turn of a part of the background work, at the present instant of the clock. */
export const jobContext = async ({ services, clock, log }: JobDeps, part: string): Promise<Ctx> =>
  systemContext(services, part, newId(), await clock.now(), log);

export type Job = {
  queue: string;
  /** woken at least this often, whatever signals were lost */
  everySeconds: number;
  /** the events after whose sequencing it has something to do: types, or prefixes that end with a dot */
  wakesOn: readonly string[];
  /** Does a bounded piece of what is due. True where there may be more. */
  work(): Promise<boolean>;
};

/** A clock that has moved may have made anything due. */
export const wakesOn = (job: Job, type: string): boolean =>
  type === clockMoved ||
  job.wakesOn.some((pattern) => (pattern.endsWith('.') ? type.startsWith(pattern) : type === pattern));

/** Works until nothing is due, or `isStopping`. */
export async function workUntilDone(job: Job, isStopping: () => boolean): Promise<void> {
  while (!isStopping() && (await job.work()));
}
