/** All events that go out, as OpenAPI 3.1 describes them: webhooks, whose body is the event. */
import { activityEvents } from '../activities/events.js';
import { assignmentEvents } from '../assignments/events.js';
import { customerEvents } from '../customers/events.js';
import { definitionEvents } from '../definitions/events.js';
import { holdingEvents } from '../holdings/events.js';
import { importEvents } from '../imports/events.js';
import { levelEvents } from '../levels/events.js';
import { earningEvents } from '../loyalty/earning/events.js';
import { loyaltyEvents } from '../loyalty/events.js';
import { rewardEvents } from '../loyalty/rewards/events.js';
import { mergeEvents } from '../merges/events.js';
import { moneyEvents } from '../money/events.js';
import { organizationEvents } from '../organization/events.js';
import { approvalEvents } from '../platform/approvals/events.js';
import type { EventDeclaration } from '../platform/event-types.js';
import { relationshipEvents } from '../relationships/events.js';
import { rfmEvents } from '../rfm/events.js';
import { sandboxEvents } from '../sandbox/events.js';
import { segmentEvents } from '../segments/events.js';
import { toCloudEvent } from './service.js';

/** By their types, without the `clientele.` that they have when they go out. */
export const eventTypes: Readonly<Record<string, EventDeclaration>> = {
  ...customerEvents,
  ...holdingEvents,
  ...relationshipEvents,
  ...activityEvents,
  ...moneyEvents,
  ...importEvents,
  ...mergeEvents,
  ...segmentEvents,
  ...levelEvents,
  ...loyaltyEvents,
  ...earningEvents,
  ...rewardEvents,
  ...rfmEvents,
  ...definitionEvents,
  ...organizationEvents,
  ...assignmentEvents,
  ...approvalEvents,
  ...sandboxEvents,
};

/** The `webhooks` of the document. References lead to its components. */
export function eventWebhooks(): Record<string, object> {
  return Object.fromEntries(
    Object.entries(eventTypes).map(([type, declared], index) => {
      const event = exampleOf(type, declared, index + 1);
      return [event.type, { post: webhookOf(type, declared, event) }];
    }),
  );
}

function webhookOf(type: string, declared: EventDeclaration, example: ReturnType<typeof exampleOf>) {
  const { summary, description, subject, data } = declared;
  const properties = {
    type: { type: 'string', const: example.type },
    subject: { type: 'string', description: subject },
    data,
  };
  return {
    operationId: `on${pascalCase(type)}`,
    summary,
    description: `${description}\n\nSubject: ${lowerFirst(subject)}.`,
    tags: ['Events'],
    // whom the receiver lets in is its own affair
    security: [],
    requestBody: {
      required: true,
      content: {
        'application/cloudevents+json': {
          schema: { allOf: [{ $ref: '#/components/schemas/CloudEvent' }, { type: 'object', properties }] },
          examples: { example: { value: example } },
        },
      },
    },
    responses: { '204': { description: 'Taken' } },
  };
}

const exampleOf = (type: string, { example }: EventDeclaration, sequence: number) =>
  toCloudEvent({
    id: '0197f3c2-1b7f-7a10-8c3d-5e6f7a8b9c0d',
    type,
    subject: example.subject,
    occurred_at: '2026-01-05T08:00:01.000000Z',
    sequence,
    data: example.data,
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    scope_branch: null,
    scope_manager: null,
    scope_customer: null,
    scope_staff: null,
  });

const pascalCase = (type: string) =>
  type.replaceAll(/(?:^|[._])([a-z])/g, (_match, letter: string) => letter.toUpperCase());

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
