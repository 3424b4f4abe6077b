/** The events of imports. */
import { Type } from 'typebox';
import { defineEvents, eventData } from '../platform/event-types.js';
import { Count, Key, StringEnum } from '../platform/http/schemas.js';
import { importKinds } from './rows.js';

const subject = 'The import';
const id = '0197f3c2-5e40-7b00-8000-000000000001';
const kind = StringEnum(importKinds, { description: 'What its lines are' });

export const importEvents = defineEvents({
  'import.queued': {
    summary: 'An import was received in full',
    description: 'Its lines wait to be applied.',
    subject,
    data: eventData({ kind }),
    example: { subject: id, data: { kind: 'activities' } },
  },
  'import.completed': {
    summary: 'An import is done',
    description: 'Every line was applied or rejected; read its rejections where there are any.',
    subject,
    data: eventData({
      kind,
      dry_run: Type.Boolean({ description: 'Whether nothing of it was kept' }),
      accepted: Count('Lines that were applied'),
      duplicates: Count('Lines that were known'),
      rejected: Count('Lines that could not be applied'),
    }),
    example: {
      subject: id,
      data: { kind: 'activities', dry_run: false, accepted: 998, duplicates: 1, rejected: 1 },
    },
  },
  'import.failed': {
    summary: 'An import ended before its end',
    description:
      'Its upload could not be what was meant, nobody went on with it, or a line was rejected and it was to end at that.',
    subject,
    data: eventData({ code: Key('Why: `failure` of the import says more') }),
    example: { subject: id, data: { code: 'digest_mismatch' } },
  },
  'import.cancelled': {
    summary: 'An import was cancelled',
    description: 'What was applied before stays.',
    subject,
    data: eventData({ kind }),
    example: { subject: id, data: { kind: 'activities' } },
  },
});
