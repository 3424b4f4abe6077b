/** Writes what corrections have worked out, once the customers are locked: new rows as they stand, and known ones anew. */
import type { Tx } from '../db/client.js';
import { copyInto, copyText } from '../db/copy.js';
import type { Correction } from './corrections.js';
import { changeActivities } from './rows.js';
import { changeTotals, totalChanges } from './total-changes.js';
import { activityColumns, activityLine } from './writes.js';

const columns = `${activityColumns}, reverses_source_id, reverses_amount, reversed_amount, reversed_reporting_amount,
  superseded_by`;

export async function writeCorrection(
  tx: Tx,
  { added, changed }: Correction,
  recordedAt: (customerId: string) => string,
): Promise<void> {
  if (added.length > 0) {
    const lines = added.map(({ one, after }) => {
      const { sourceId, amount } = one.activity.reverses ?? { sourceId: null, amount: null };
      const placed = {
        ...one,
        activity: {
          ...one.activity,
          sourceVersion: after.source_version,
          reportingAmount: after.reporting_amount,
        },
      };
      const how = [
        sourceId,
        amount,
        after.reversed_amount,
        after.reversed_reporting_amount,
        after.superseded_by,
      ];
      return `${activityLine(placed, recordedAt(one.customerId), after.state)}\t${how.map(copyText).join('\t')}\n`;
    });
    await copyInto(tx, `activities (${columns})`, Buffer.from(lines.join('')));
  }
  await changeActivities(tx, changed);
  await changeTotals(
    tx,
    totalChanges([...added, ...changed.map(({ before, after }) => ({ one: before, before, after }))]),
  );
}
