/** What was written down of a change. */
import { expect } from 'vitest';
import type { Database } from '../../src/db/client.js';

/** The last entry of an action about a subject holds these columns. */
export async function expectAudit(
  database: Database,
  action: string,
  subjectId: string,
  columns: Record<string, unknown>,
): Promise<void> {
  const { rows } = await database.pool.query(
    'select * from audit_entries where action = $1 and subject_id = $2 order by id desc limit 1',
    [action, subjectId],
  );
  expect(rows[0], `${action} of ${subjectId}`).toMatchObject(columns);
}
