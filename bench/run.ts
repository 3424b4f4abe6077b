/** `npm run bench -- [read profile activities import night evaluation preview freshness incremental rate merge loyalty start] [--json] [--rows n] [--customers n] [--judged n] [--holders n] [--seconds n]` */
import { parseArgs } from 'node:util';
import { benchActivities } from './activities.js';
import { benchEvaluation } from './evaluation.js';
import { benchFreshness } from './freshness.js';
import { benchImport } from './import.js';
import { benchIncremental } from './incremental.js';
import { benchLoyalty } from './loyalty.js';
import { benchMerge } from './merge.js';
import { benchNight } from './night.js';
import { benchPreview } from './preview.js';
import { benchProfile } from './profile.js';
import { benchRate } from './rate.js';
import { benchRead } from './read.js';
import { type Row, table } from './report.js';
import { openSegmentWorld, type SegmentWorld } from './segment-world.js';
import { benchStart } from './start.js';
import { openWorld, type World, type WorldOptions } from './world.js';

const inWorld: Record<string, (world: World) => Promise<Row>> = {
  read: benchRead,
  profile: benchProfile,
  activities: benchActivities,
  import: benchImport,
  night: benchNight,
};
/** Of a world that is large enough to judge. */
const inSegmentWorld: Record<string, (world: SegmentWorld) => Promise<Row | Row[]>> = {
  evaluation: benchEvaluation,
  preview: benchPreview,
  freshness: (world) => benchFreshness(world, 60),
};
const names = [
  ...Object.keys(inWorld),
  ...Object.keys(inSegmentWorld),
  'incremental',
  'rate',
  'merge',
  'loyalty',
  'start',
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rows: { type: 'string', default: '1000000' },
    customers: { type: 'string', default: '10000' },
    judged: { type: 'string', default: '100000' },
    holders: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '5' },
  },
});
const wanted = positionals.length === 0 ? names : positionals;
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) throw new Error(`no bench ${unknown.join(', ')}: there are ${names.join(', ')}`);

const tell = (text: string) => {
  if (!values.json) console.error(text);
};

async function runIn<World extends { close(): Promise<void> }>(
  benches: Record<string, (world: World) => Promise<Row | Row[]>>,
  customers: number,
  open: () => Promise<World>,
): Promise<Row[]> {
  const chosen = wanted.filter((name) => name in benches);
  if (chosen.length === 0) return [];
  tell(`loading ${customers} customers`);
  const world = await open();
  try {
    const rows: Row[] = [];
    for (const name of chosen) {
      tell(name);
      const bench = benches[name];
      if (bench === undefined) continue;
      const measured = [await bench(world)].flat();
      // what comes after may fail
      tell(table(measured));
      rows.push(...measured);
    }
    return rows;
  } finally {
    await world.close();
  }
}

const options: WorldOptions = {
  customers: Number(values.customers),
  rows: Number(values.rows),
  seconds: Number(values.seconds),
};
const judged = Number(values.judged);
const rows = [
  ...(await runIn(inWorld, options.customers, () => openWorld(options))),
  ...(await runIn(inSegmentWorld, judged, () => openSegmentWorld(judged))),
];
if (wanted.includes('incremental')) {
  tell('incremental');
  rows.push(...(await benchIncremental(judged)));
}
if (wanted.includes('rate')) {
  tell('rate');
  rows.push(await benchRate(Number(values.holders)));
}
if (wanted.includes('merge')) {
  tell('merge');
  rows.push(await benchMerge(10_000));
}
if (wanted.includes('loyalty')) {
  tell('loyalty');
  rows.push(...(await benchLoyalty()));
}
if (wanted.includes('start')) {
  tell('start');
  rows.push(await benchStart());
}
console.log(values.json ? JSON.stringify(rows, null, 2) : table(rows));
