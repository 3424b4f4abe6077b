import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { operation } from '../platform/http/operation.js';
import { Key, Ref, Strict } from '../platform/http/schemas.js';
import type { LoadFacts } from '../rules/facts.js';
import { RuleSchema } from '../rules/schema.js';
import { readsOf } from '../rules/touches.js';
import { operatorsOf } from '../rules/values.js';
import { FactList, RuleValidation } from './schemas.js';
import { ruleErrors } from './service.js';
import { newestVocabulary } from './vocabulary.js';

const domain = 'Customer Behavior Insights';

export function ruleRoutes(app: FastifyInstance, facts: LoadFacts): void {
  operation(app, {
    method: 'GET',
    path: '/v1/facts',
    id: 'listFacts',
    summary: 'What rules may speak of',
    description:
      'Every fact with its type, its unit, its values where they are few, the operators that it allows, and what can change it: writes, and the clock. Those with a `balance` can be measured by day.',
    tag: 'Definitions',
    domain,
    scope: 'segments:read',
    replies: {
      200: {
        description: 'Facts',
        schema: Ref(FactList),
        example: {
          data: [
            {
              name: 'tenure_days',
              type: 'integer',
              unit: 'days',
              description: 'Calendar days since the relationship began',
              operators: ['eq', 'lt', 'gte'],
              values: null,
              balance: null,
              changes_with_time: true,
              touched_by: ['holdings'],
            },
          ],
        },
      },
    },
    handler: async ({ ctx }) => {
      const table = await facts(ctx.database);
      const data = [...table.values()].map((fact) => ({
        name: fact.name,
        type: fact.type,
        unit: fact.unit ?? null,
        description: fact.description,
        operators: [...operatorsOf[fact.type]],
        values: fact.values === undefined ? null : [...fact.values],
        balance: fact.daily?.name ?? null,
        changes_with_time: fact.passing !== undefined,
        touched_by: [...fact.touchedBy],
      }));
      return { status: 200, body: { data } };
    },
  });
  operation(app, {
    method: 'POST',
    path: '/v1/rules/validate',
    id: 'validateRule',
    summary: 'Check a rule',
    description:
      'Says of each part that cannot be where it stands, what it is, and what is allowed. Stores nothing.',
    tag: 'Segments',
    domain,
    scope: 'segments:read',
    body: Strict({
      key: Type.Optional(Key('The segment whose rule it is to be: what it names must not lead back to it')),
      rule: Ref(RuleSchema),
    }),
    bodyExample: { rule: { all: [{ fact: 'tenure_days', op: 'lt', value: 90 }] } },
    replies: {
      200: {
        description: 'Whether the rule can be',
        schema: Ref(RuleValidation),
        example: { valid: true, reads: ['holdings'], errors: [] },
      },
    },
    handler: async ({ ctx, body: { key, rule } }) => {
      const table = await newestVocabulary(ctx.database, facts);
      const errors = ruleErrors(rule, table, key);
      return {
        status: 200,
        body: { valid: errors.length === 0, reads: errors.length === 0 ? readsOf(rule, table) : [], errors },
      };
    },
  });
}
