/** The events of segments: what becomes of the definition, and who comes and goes. */
import { Type } from 'typebox';
import { customerId, defineEvents, eventData } from '../platform/event-types.js';
import { Count, Instant, Key, StringEnum } from '../platform/http/schemas.js';

const rule_version = Count('The version of its rule');
const definition = { subject: 'The key of the segment', data: eventData({ rule_version }) };
const membership = {
  subject: 'The customer',
  data: eventData({
    segment: Key('The segment'),
    rule_version: Type.Optional(rule_version),
    cause: StringEnum(['change', 'correction', 'time', 'rank', 'rule_version', 'merge'], {
      description:
        'A change of the customer, the passing of time, a refresh of ranks, a new rule, or a merge',
    }),
    effective_at: Instant('Since when it is so, however late it was found'),
  }),
};
const example = { subject: 'high_value', data: { rule_version: 2 } };
const change = (cause: string) => ({
  subject: customerId,
  data: { segment: 'high_value', rule_version: 2, cause, effective_at: '2026-01-05T08:00:01.000000Z' },
});

export const segmentEvents = defineEvents({
  'segment.created': {
    summary: 'A segment was created',
    description: 'Everybody is judged by its rule; `segment.published` says when that is done.',
    ...definition,
    example: { ...example, data: { rule_version: 1 } },
  },
  'segment.updated': {
    summary: 'A segment was changed',
    description: 'Its name, its description or its rule. A new rule answers from `segment.published` on.',
    ...definition,
    example,
  },
  'segment.published': {
    summary: 'A version of a rule answers from now on',
    description:
      'Everybody has been judged by it. Who entered or left by that has the cause `rule_version`, and is told of one by one only where the version was published with `member_events`.',
    subject: definition.subject,
    data: eventData({
      rule_version,
      entered: Count('How many customers entered by it'),
      left: Count('How many left by it'),
    }),
    example: { subject: 'high_value', data: { rule_version: 2, entered: 120, left: 17 } },
  },
  'segment.deleted': {
    summary: 'A segment was deleted',
    description: 'Its members leave within moments; past memberships can still be read.',
    ...definition,
    example,
  },
  'segment.entered': {
    summary: 'A customer entered a segment',
    description: 'It belongs to it since `effective_at`.',
    ...membership,
    example: change('change'),
  },
  'segment.left': {
    summary: 'A customer left a segment',
    description: 'It belongs to it no longer since `effective_at`.',
    ...membership,
    example: change('time'),
  },
});
