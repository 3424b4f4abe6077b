import type { FastifyInstance } from 'fastify';
import { operation } from '../platform/http/operation.js';
import { Key, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { etagOf, unlessKnown } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import { programmeExample, programmeInExample } from './examples.js';
import { type StoredProgramme, toProgramme } from './programme.js';
import * as service from './programmes.js';
import * as schemas from './schemas.js';

export const common = { tag: 'Loyalty', domain: 'Loyalty' } as const;
const path = '/v1/loyalty/programmes';
const params = Strict({ programme: Key('Of the programme') });
const etag = { ETag: 'The version, for If-Match' };
const shown = (description: string, headers: Record<string, string> = etag) => ({
  description,
  schema: Ref(schemas.Programme),
  headers,
  example: programmeExample,
});
const reply = (status: number, programme: StoredProgramme, headers: Record<string, string> = {}) => ({
  status,
  body: toProgramme(programme),
  headers: { ETag: etagOf(programme.version), ...headers },
});

export function programmeRoutes(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'GET',
    path,
    id: 'listLoyaltyProgrammes',
    summary: 'List the loyalty programmes',
    description: 'In the order of their keys.',
    scope: 'loyalty:read',
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of programmes',
        schema: Ref(schemas.ProgrammePage),
        example: { data: [programmeExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, query }) => {
      const wanted = pageRequest(ctx, 'listLoyaltyProgrammes', query);
      const body = page(ctx, wanted, await service.listProgrammes(ctx, wanted), (row) => [row.key]);
      return { status: 200, body: { ...body, data: body.data.map(toProgramme) } };
    },
  });
  operation(app, {
    ...common,
    method: 'POST',
    path,
    id: 'createLoyaltyProgramme',
    summary: 'Make a loyalty programme',
    description:
      'Its points are a ledger of their own. Each change makes a version, and a report of a past day counts by the one that was in force then; lots keep the dates that they were issued with.',
    scope: 'loyalty:write',
    ofTheBank: true,
    idempotent: true,
    body: Ref(schemas.ProgrammeCreate),
    bodyExample: { key: 'rewards', ...programmeInExample },
    problems: ['rule_broken', 'conflict'],
    replies: { 201: shown('Made', { ...etag, Location: 'Where it is' }) },
    handler: async ({ ctx, body }) => {
      const made = await service.createProgramme(ctx, body);
      return reply(201, made, { Location: `${path}/${made.key}` });
    },
  });
  operation(app, {
    ...common,
    method: 'GET',
    path: `${path}/{programme}`,
    id: 'getLoyaltyProgramme',
    summary: 'Read a loyalty programme',
    description: 'As it is in force.',
    scope: 'loyalty:read',
    params,
    replies: {
      200: shown('The programme'),
      304: { description: 'The caller has this version already', headers: etag },
    },
    handler: async ({ ctx, params: { programme }, headers: { ifNoneMatch } }) => {
      const found = await service.getProgramme(ctx, programme);
      return unlessKnown(ifNoneMatch, etagOf(found.version), () => toProgramme(found));
    },
  });
  operation(app, {
    ...common,
    method: 'PUT',
    path: `${path}/{programme}`,
    id: 'putLoyaltyProgramme',
    summary: 'Change a loyalty programme',
    description:
      'A new version; the same again makes none. Points that were issued keep their dates. Needs If-Match.',
    scope: 'loyalty:write',
    ofTheBank: true,
    ifMatch: true,
    params,
    body: Ref(schemas.ProgrammeIn),
    bodyExample: programmeInExample,
    problems: ['rule_broken'],
    replies: { 200: shown('The programme') },
    handler: async ({ ctx, params: { programme: key }, body: content, headers: { ifMatch } }) =>
      reply(200, await service.putProgramme(ctx, { key, content, ifMatch })),
  });
}
