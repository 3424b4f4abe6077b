/** `npm run bench -- [read profile activities import start] [--json] [--rows n] [--customers n] [--seconds n]` */
import { parseArgs } from 'node:util';
import { benchActivities } from './activities.js';
import { benchImport } from './import.js';
import { benchProfile } from './profile.js';
import { benchRead } from './read.js';
import { type Row, table } from './report.js';
import { benchStart } from './start.js';
import { openWorld, type World, type WorldOptions } from './world.js';

const inWorld: Record<string, (world: World) => Promise<Row>> = {
  read: benchRead,
  profile: benchProfile,
  activities: benchActivities,
  import: benchImport,
};
const names = [...Object.keys(inWorld), 'start'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rows: { type: 'string', default: '1000000' },
    customers: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '5' },
  },
});
const wanted = positionals.length === 0 ? names : positionals;
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) throw new Error(`no bench ${unknown.join(', ')}: there are ${names.join(', ')}`);

const tell = (text: string) => {
  if (!values.json) console.error(text);
};

async function runInWorld(options: WorldOptions): Promise<Row[]> {
  const chosen = wanted.filter((name) => name in inWorld);
  if (chosen.length === 0) return [];
  tell(`loading ${options.customers} customers`);
  const world = await openWorld(options);
  try {
    const rows: Row[] = [];
    for (const name of chosen) {
      tell(name);
      const bench = inWorld[name];
      if (bench !== undefined) rows.push(await bench(world));
    }
    return rows;
  } finally {
    await world.close();
  }
}

const rows = await runInWorld({
  customers: Number(values.customers),
  rows: Number(values.rows),
  seconds: Number(values.seconds),
});
if (wanted.includes('start')) {
  tell('start');
  rows.push(await benchStart());
}
console.log(values.json ? JSON.stringify(rows, null, 2) : table(rows));
