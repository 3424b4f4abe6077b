/** A file of activities as NDJSON, from the first byte sent until the import is completed, against COPY. */
import { checkpoint, copySameRows } from './copy.js';
import { runImport } from './imports.js';
import { perSecond, type Row } from './report.js';
import { activity } from './synthetic.js';
import type { World } from './world.js';

const source = 'bench_import';

export async function benchImport(world: World): Promise<Row> {
  await checkpoint(world.service.databaseUrl);
  const begun = performance.now();
  await runImport(world.service, 'activities', lines(world));
  const seconds = (performance.now() - begun) / 1000;
  const copied = await copySameRows(world.service.databaseUrl, source, 1);
  if (copied.rows !== world.rows) throw new Error(`${copied.rows} of ${world.rows} rows are in the table`);
  return {
    bench: 'import',
    ours: perSecond(world.rows / seconds),
    reference: perSecond(world.rows / copied.seconds),
    ratio: copied.seconds / seconds,
    toReach: '0.35',
    p50: undefined,
    p99: undefined,
    rows: `${world.rows.toLocaleString('en-US')} activities`,
  };
}

function* lines({ rows, customers }: World): Generator<string> {
  for (let index = 0; index < rows; index += 1)
    yield `${JSON.stringify(activity(source, index, customers))}\n`;
}
