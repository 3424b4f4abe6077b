/** Who would belong by a rule that is not saved, against the same count written by hand. */
import { perSecond, type Row } from './report.js';
import { previewRule } from './segment-rules.js';
import type { SegmentWorld } from './segment-world.js';

const rounds = 7;

export async function benchPreview({ client, post, customers }: SegmentWorld): Promise<Row> {
  const ours: number[] = [];
  const reference: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    let begun = performance.now();
    const { rows } = await client.query<{ count: number }>(previewRule.byHand, [new Date().toISOString()]);
    reference.push(performance.now() - begun);
    begun = performance.now();
    const { count } = await post('/v1/segments/preview', { rule: previewRule.rule });
    ours.push(performance.now() - begun);
    if (count !== rows[0]?.count) throw new Error(`the preview counts ${count}, by hand ${rows[0]?.count}`);
  }
  const [mine, theirs] = [middle(ours), middle(reference)];
  return {
    bench: 'preview',
    ours: perSecond(1000 / mine),
    reference: perSecond(1000 / theirs),
    ratio: theirs / mine,
    toReach: '0.7',
    p50: mine,
    p99: Math.max(...ours),
    rows: `two windows, ${customers.toLocaleString('en-US')} customers; by hand ${theirs.toFixed(0)} ms`,
  };
}

export const middle = (values: readonly number[]): number =>
  [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
