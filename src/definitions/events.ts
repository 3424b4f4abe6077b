/** The events of the bank's own definitions. */
import { defineEvents, eventData, version } from '../platform/event-types.js';

const data = eventData({ version });
const attribute = { subject: 'The name of the attribute', data };
const source = { subject: 'The key of the source', data };
const scheme = { subject: 'The key of the scheme', data };

export const definitionEvents = defineEvents({
  'attribute.created': {
    summary: 'An attribute was declared',
    description: 'Customers can have values of it from now on.',
    ...attribute,
    example: { subject: 'hobby', data: { version: 1 } },
  },
  'attribute.updated': {
    summary: 'An attribute was declared anew',
    description:
      'Values are checked by the new declaration when they are stated; those that are stored stay.',
    ...attribute,
    example: { subject: 'hobby', data: { version: 2 } },
  },
  'identifier_scheme.created': {
    summary: 'An identifier scheme was declared',
    description: 'Customers can be named by it from now on.',
    ...scheme,
    example: { subject: 'loyalty_card', data: { version: 1 } },
  },
  'identifier_scheme.updated': {
    summary: 'An identifier scheme was changed',
    description: 'Its name, or whether its identifiers may stand in a path.',
    ...scheme,
    example: { subject: 'loyalty_card', data: { version: 2 } },
  },
  'source.created': {
    summary: 'A source was declared',
    description: 'Its word weighs what was said from now on.',
    ...source,
    example: { subject: 'core', data: { version: 1 } },
  },
  'source.updated': {
    summary: 'A source was changed',
    description: 'Its name, or how much its word weighs from now on.',
    ...source,
    example: { subject: 'core', data: { version: 2 } },
  },
});
