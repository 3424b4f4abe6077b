/**
 * What is true of the whole deployment is read from the database, by one statement for all of it, and not at every
 * scrape. A database that is away, or slow, leaves these figures out, and says so by a figure of its own.
 */
import { type SQL, sql } from 'drizzle-orm';
import { Gauge } from 'prom-client';
import type { Database } from '../../db/client.js';
import type { Clock } from '../clock.js';
import { withinSeconds } from '../within.js';
import type { Metrics } from './metrics.js';

/** A figure that a feature gives. */
export type Measure = {
  name: string;
  help: string;
  /** the one label that its rows carry, where they carry one */
  label?: string;
  /** rows of (label text, value), bounded in number, each found by an index; `now` is the domain's */
  select: (now: SQL) => SQL;
};

/** How many rows a measure counts at most: beyond it, it is too many in any case. */
export const countedMax = 100_000;

type Row = { measure: number; label: string | null; value: number };

const freshMilliseconds = 5000;
const patienceSeconds = 2;

export function measureDatabase(
  metrics: Metrics,
  { database, clock }: { database: Database; clock: Clock },
  measures: readonly Measure[],
): void {
  const registers = [metrics.registry];
  const up = new Gauge({
    name: 'clientele_database_up',
    help: '1 when the database answered what is read from it for these metrics, else 0.',
    registers,
  });
  const gauges = measures.map(
    ({ name, help, label }) =>
      new Gauge({ name, help, labelNames: label === undefined ? [] : [label], registers }),
  );
  const read = async (): Promise<Row[]> => {
    const now = sql`${await clock.now()}::timestamptz`;
    const parts = measures.map(
      ({ select }, index) =>
        sql`select ${sql.raw(String(index))} as measure, label, value::float8 from (${select(now)}) as rows(label, value)`,
    );
    return database.rows<Row>(sql.join(parts, sql` union all `));
  };
  const show = (rows: readonly Row[] | undefined) => {
    up.set(rows === undefined ? 0 : 1);
    for (const [index, gauge] of gauges.entries()) {
      gauge.reset();
      // what is not known is left out, instead of being 0
      if (rows === undefined && measures[index]?.label === undefined) gauge.remove();
    }
    for (const { measure, label, value } of rows ?? []) {
      const name = measures[measure]?.label;
      gauges[measure]?.set(name === undefined ? {} : { [name]: label ?? '' }, value);
    }
  };

  let reading: Promise<Row[] | undefined> | undefined;
  let freshUntil = 0;
  metrics.beforeScrape(async () => {
    if (performance.now() < freshUntil) return;
    reading ??= read()
      .catch(() => undefined)
      .finally(() => {
        reading = undefined;
      });
    const rows = await withinSeconds(patienceSeconds, reading);
    show(rows);
    if (rows !== undefined) freshUntil = performance.now() + freshMilliseconds;
  });
}

/** The connections of a process: how many it has, and how many wait for one. */
export function measurePool(metrics: Metrics, { pool }: Pick<Database, 'pool'>): void {
  const registers = [metrics.registry];
  new Gauge({
    name: 'clientele_database_connections',
    help: 'Database connections of this process, those of its queues apart.',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'idle' }, pool.idleCount);
      this.set({ state: 'used' }, pool.totalCount - pool.idleCount);
    },
  });
  new Gauge({
    name: 'clientele_database_connections_max',
    help: 'As many as this process may have.',
    registers,
    collect() {
      this.set(pool.options.max);
    },
  });
  new Gauge({
    name: 'clientele_database_connection_waits',
    help: 'How many wait for a database connection now.',
    registers,
    collect() {
      this.set(pool.waitingCount);
    },
  });
}
