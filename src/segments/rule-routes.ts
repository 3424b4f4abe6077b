import type { FastifyInstance } from 'fastify';
import { operation } from '../platform/http/operation.js';
import { Ref, Strict } from '../platform/http/schemas.js';
import type { LoadFacts } from '../rules/facts.js';
import { RuleSchema } from '../rules/schema.js';
import { readsOf } from '../rules/touches.js';
import { operatorsOf } from '../rules/values.js';
import { FactList, RuleValidation } from './schemas.js';
import { ruleErrors } from './service.js';

const domain = 'Customer Behavior Insights';

export function ruleRoutes(app: FastifyInstance, facts: LoadFacts): void {
  operation(app, {
    method: 'GET',
    path: '/v1/facts',
    id: 'listFacts',
    summary: 'What rules may speak of',
    description:
      'Every fact with its type, its unit, the operators that it allows, and the writes that can change it.',
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
    body: Strict({ rule: Ref(RuleSchema) }),
    bodyExample: { rule: { all: [{ fact: 'tenure_days', op: 'lt', value: 90 }] } },
    replies: {
      200: {
        description: 'Whether the rule can be',
        schema: Ref(RuleValidation),
        example: { valid: true, reads: ['holdings'], errors: [] },
      },
    },
    handler: async ({ ctx, body: { rule } }) => {
      const table = await facts(ctx.database);
      const errors = ruleErrors(rule, table);
      return {
        status: 200,
        body: { valid: errors.length === 0, reads: errors.length === 0 ? readsOf(rule, table) : [], errors },
      };
    },
  });
}
