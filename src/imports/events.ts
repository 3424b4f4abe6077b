/** The events of imports. */
import { Type } from 'typebox';
import { defineEvents, eventData } from '../platform/event-types.js';
import { Count, DateOnly, Key, StringEnum } from '../platform/http/schemas.js';
import { importKinds } from './rows.js';

const subject = 'The import';
const id = '0197f3c2-5e40-7b00-8000-000000000001';
const kind = StringEnum(importKinds, { description: 'What its lines are' });

const feed = { subject: 'The key of the feed', data: eventData({ version: Count('As in the ETag') }) };

export const importEvents = defineEvents({
  'feed.created': {
    summary: 'A feed was declared',
    description: 'Imports can name it from now on.',
    ...feed,
    example: { subject: 'core_deposits', data: { version: 1 } },
  },
  'feed.updated': {
    summary: 'A feed was changed',
    description: 'Imports that begin from now on follow it.',
    ...feed,
    example: { subject: 'core_deposits', data: { version: 2 } },
  },
  'feed.completed': {
    summary: 'A file of a feed is loaded and evaluated',
    description:
      'Every customer that was marked before its end has been reviewed: memberships follow from it.',
    subject,
    data: eventData({
      feed: Key('Of the feed'),
      business_date: DateOnly('Of the file'),
      accepted: Count('Lines that were applied'),
      rejected: Count('Lines that could not be applied'),
      closed: Count('Holdings that a snapshot closed'),
    }),
    example: {
      subject: id,
      data: { feed: 'core_deposits', business_date: '2026-01-05', accepted: 998, rejected: 1, closed: 3 },
    },
  },
  'import.queued': {
    summary: 'An import was received in full',
    description: 'Its lines wait to be applied.',
    subject,
    data: eventData({ kind }),
    example: { subject: id, data: { kind: 'activities' } },
  },
  'import.waiting': {
    summary: 'A snapshot waits to be confirmed',
    description:
      'It would close more holdings than its feed lets it, or has lines that do not say which one they are about. Nothing of it is applied yet.',
    subject,
    data: eventData({
      open: Count('Open holdings that it speaks of'),
      closing: Count('Those of them that it does not name'),
    }),
    example: { subject: id, data: { open: 1000, closing: 400 } },
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
