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
    cause: StringEnum(['change', 'time', 'rule_version'], {
      description: 'A change of the customer, the passing of time, or a new rule',
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
    description: 'Its first members enter within moments.',
    ...definition,
    example: { ...example, data: { rule_version: 1 } },
  },
  'segment.updated': {
    summary: 'A segment was changed',
    description: 'Its name, its description or its rule. A new rule is published besides.',
    ...definition,
    example,
  },
  'segment.published': {
    summary: 'A version of a rule counts from now on',
    description: 'Everybody is judged by it: who enters or leaves by that has the cause `rule_version`.',
    ...definition,
    example,
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
