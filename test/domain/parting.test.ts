/** Two records parted again: what was stated since the merge is told by what was known at it, not by the time. */
import { expect, test } from 'vitest';
import type { Known } from '../../src/customers/changes.js';
import type { CustomerRow } from '../../src/customers/fields.js';
import type { Statements } from '../../src/customers/provenance.js';
import { partRecords } from '../../src/merges/parting.js';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const stated = (value: string, second: number) => ({
  value,
  source_time: at(second),
  recorded_at: at(second),
});

const record = (id: string, city: string, second: number): Known => ({
  row: { id, kind: 'person', stub: false, attributes: {}, city } as unknown as CustomerRow,
  statements: [{ source: 'core', origin: null, fields: { city: stated(city, second) } }],
  contacts: [],
  preferred: null,
  inReach: true,
  assisted: false,
});

test('what waited for the merge to end was stated after it, whatever its time', () => {
  const [survivor, merged] = [record('a', '上海', 1), record('b', '北京', 2)];
  // the request came a moment before the merge, and was written when the merge had let go of the customer
  const waited = 9;
  const statements: Statements = [
    ...survivor.statements,
    { source: 'core', origin: 'b', fields: { city: stated('广州', waited) } },
  ];
  const now = { row: survivor.row, statements };
  const parted = partRecords({ survivor, merged, after: survivor.row }, now, ['b'], new Map());
  expect(parted.merged.city).toBe('广州');
  expect(parted.survivor.city).toBe('上海');
  expect(parted.later).toEqual({ survivor: 0, merged: 1 });
});
