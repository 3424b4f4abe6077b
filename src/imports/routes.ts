import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Config } from '../config.js';
import type { Ctx } from '../platform/context.js';
import { mayReadSensitive } from '../platform/context.js';
import { insufficientScope } from '../platform/errors.js';
import { planQuery } from '../platform/http/approval-schemas.js';
import { guardedReply } from '../platform/http/guarded-replies.js';
import { operation } from '../platform/http/operation.js';
import { Id, pageQuery, Ref, Strict, StringEnum } from '../platform/http/schemas.js';
import { contentReply } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import { findRepeated, settle } from './admission.js';
import { confirmGuard } from './confirmation.js';
import { importBodyExample, importCsvExample, importCsvRestExample, importExample } from './examples.js';
import type { Charset } from './record-ends.js';
import { streamRejections } from './rejections.js';
import { findImport, type ImportRow, importKinds, importStates } from './rows.js';
import { Import, ImportOrPlan, ImportPage, importQuery, toImport } from './schemas.js';
import { cancelImport, checkKindScope, checkSender, createImport, listImports } from './service.js';
import { notAt, receiveUpload } from './upload.js';
import { announcedDigest, isUploadComplete, uploadOffset } from './upload-headers.js';

const tag = 'Imports';
const domain = 'Customer Event History';
const params = Strict({ id: Id('Of the import') });
const formatOf = { 'application/x-ndjson': 'ndjson', 'text/csv': 'csv' } as const;
const bodyTypes = Object.keys(formatOf);

const Body = Type.Unsafe<Readable>({
  description:
    'Lines of JSON, or CSV with a header: a column is named by the path to a field (`customer.scheme`, `identifiers.0.value`, `attributes.shop`), an empty cell is not stated',
});

const uploadHeaders = {
  'Upload-Complete': '`?0`: more is to come by PATCH; the import begins when an upload ends without it',
};
const digestHeader = {
  'Repr-Digest':
    'SHA-256 of the whole body (RFC 9530), `sha-256=:…:`: the import fails where another one arrives',
};

const etagHeader = { ETag: 'Of the content' };
const replyHeaders = { Location: 'Where it is', 'Upload-Offset': 'Bytes that are staged' };
const uploadProblems = [
  'conflict',
  'bank_wide',
  'upload_offset_mismatch',
  'digest_mismatch',
  'control_mismatch',
  'correction_needed',
  'rule_broken',
] as const;

export function importRoutes(app: FastifyInstance, config: Config): void {
  app.addSchema(Import);
  app.addSchema(ImportPage);
  app.addSchema(ImportOrPlan);
  startRoute(app, config.importBodyLimitBytes);
  continueRoute(app, config.importBodyLimitBytes);
  confirmRoute(app);
  cancelRoute(app);
  readRoutes(app);
}

const accepted = (ctx: Ctx, row: ImportRow) => ({
  status: 202,
  headers: { Location: `/v1/imports/${row.id}`, 'Upload-Offset': String(row.received_bytes) },
  body: toImport(row, ctx.now),
});

const repeated = (ctx: Ctx, row: ImportRow) => ({ ...accepted(ctx, row), status: 200 });

/** The file may be that of a former import. */
const received = (ctx: Ctx, row: ImportRow, now: ImportRow) =>
  now.id === row.id ? accepted(ctx, now) : repeated(ctx, now);

const repeatedReply = {
  description: 'The feed has brought this file before: nothing is done again',
  schema: Ref(Import),
  headers: replyHeaders,
  example: { ...importExample, feed: 'core_activities', business_date: '2026-01-05', state: 'completed' },
};

const contentType = (request: FastifyRequest) => {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').toLowerCase().split(';');
  const charset = /charset\s*=\s*"?gb18030/.test(parameters.join(';')) ? 'gb18030' : 'utf-8';
  return { type: type.trim(), charset: charset as Charset };
};

function startRoute(app: FastifyInstance, bytesMax: number): void {
  operation(app, {
    method: 'POST',
    path: '/v1/imports',
    id: 'createImport',
    summary: 'Import a file',
    description:
      'The body is the file, streamed: any number of items, one a line, as the operation of their kind takes them (`POST /v1/activities`, `POST /v1/customers/upsert`, `POST /v1/holdings/upsert`, `POST /v1/exchange-rates`; a line of `balances` has source, number, business_date, balance and source_time; one of `segment_members` has segment, customer and member; one of `points`, which a customer had in another system, has reference, programme, customer, points, earned_at, and available_at, expires_at and reason where they are known). It is staged as it arrives; the reply comes when it ended, and the work is done after it: follow `Location`. A cut upload stays `receiving` and goes on by PATCH from `received_bytes`; `GET /v1/imports?state=receiving` finds it. Lines that cannot be applied are kept with what is wrong with them, the others are applied. Beside this scope that of the kind is needed (`activities:write`, `customers:write`, `segments:write`, `loyalty:write` or `definitions:write`).',
    tag,
    domain,
    scope: 'imports:write',
    query: importQuery,
    headers: { ...uploadHeaders, ...digestHeader },
    body: Body,
    bodyTypes,
    bodyExample: importBodyExample,
    bodyExamples: { 'text/csv': importCsvExample },
    checksBody: true,
    patient: true,
    problems: uploadProblems,
    replies: {
      200: repeatedReply,
      202: { description: 'Received', schema: Ref(Import), headers: replyHeaders, example: importExample },
    },
    handler: async ({ ctx, query, body, request }) => {
      const { type, charset } = contentType(request);
      // read before anything is made: what they say can be malformed
      const isComplete = isUploadComplete(request.headers);
      const digest = announcedDigest(request.headers, query.control_sha256);
      const file = await settle(ctx, query);
      const former =
        digest === undefined ? undefined : await findRepeated(ctx.database, { ...query, ...file }, digest);
      if (former !== undefined) {
        body.resume();
        return repeated(ctx, await findImport(ctx, former));
      }
      const row = await createImport(ctx, {
        ...query,
        ...file,
        format: formatOf[type as keyof typeof formatOf],
        charset,
        announcedDigest: digest,
      });
      return received(ctx, row, await receiveUpload(ctx, row, { body, isComplete, bytesMax }));
    },
  });
}

function continueRoute(app: FastifyInstance, bytesMax: number): void {
  operation(app, {
    method: 'PATCH',
    path: '/v1/imports/{id}',
    id: 'continueImport',
    summary: 'Go on with an upload',
    description:
      'The rest of the body, from `received_bytes` on, which `Upload-Offset` repeats: 409 `upload_offset_mismatch` where the service has received more or less. Whoever began it goes on with it: what its lines do is told of one caller.',
    tag,
    domain,
    scope: 'imports:write',
    params,
    headers: { 'Upload-Offset': 'Where the bytes begin: `received_bytes` of the import', ...uploadHeaders },
    body: Body,
    bodyTypes: [...bodyTypes, 'application/offset+octet-stream'],
    bodyExample: importBodyExample,
    bodyExamples: { 'text/csv': importCsvRestExample },
    checksBody: true,
    patient: true,
    problems: uploadProblems,
    replies: {
      200: repeatedReply,
      202: { description: 'Received', schema: Ref(Import), headers: replyHeaders, example: importExample },
    },
    handler: async ({ ctx, params: { id }, body, request }) => {
      const row = await findImport(ctx, id);
      checkKindScope(ctx, row.kind);
      checkSender(ctx, row);
      const offset = uploadOffset(request.headers);
      if (row.state !== 'receiving' || row.received_bytes !== offset) throw notAt(row);
      const isComplete = isUploadComplete(request.headers);
      return received(ctx, row, await receiveUpload(ctx, row, { body, isComplete, bytesMax }));
    },
  });
}

function confirmRoute(app: FastifyInstance): void {
  operation(app, {
    method: 'POST',
    path: '/v1/imports/{id}/confirm',
    id: 'confirmImport',
    summary: 'Let a snapshot close what it does not name',
    description:
      'One that is `waiting` goes on: its lines are applied, and the holdings that it does not name are closed as of its business date. `dry_run` tells how many they are now, and `plan_hash` holds it to that.',
    tag,
    domain,
    scope: 'imports:write',
    ofTheBank: true,
    params,
    query: Strict(planQuery),
    guarded: confirmGuard,
    problems: ['conflict'],
    replies: {
      200: {
        description: 'It goes on; with `dry_run` the plan',
        schema: Ref(ImportOrPlan),
        example: { ...importExample, state: 'queued' },
      },
    },
    handler: ({ ctx, params: { id }, query }) =>
      guardedReply(ctx, confirmGuard, { id }, query, async () => ({
        status: 200,
        body: toImport(await findImport(ctx, id), ctx.now),
      })),
  });
}

function cancelRoute(app: FastifyInstance): void {
  operation(app, {
    method: 'POST',
    path: '/v1/imports/{id}/cancel',
    id: 'cancelImport',
    summary: 'Cancel an import',
    description: 'It stops after the chunk that is being applied. What was applied stays.',
    tag,
    domain,
    scope: 'imports:write',
    params,
    problems: ['conflict'],
    replies: {
      200: {
        description: 'Cancelled',
        schema: Ref(Import),
        example: { ...importExample, state: 'cancelled', finished_at: '2026-01-05T08:00:02.000Z' },
      },
    },
    handler: async ({ ctx, params: { id } }) => ({
      status: 200,
      body: toImport(await cancelImport(ctx, id), ctx.now),
    }),
  });
}

function readRoutes(app: FastifyInstance): void {
  operation(app, {
    method: 'GET',
    path: '/v1/imports',
    id: 'listImports',
    summary: 'List imports',
    description: 'Newest first. A key with a data scope sees those that it has sent itself.',
    tag,
    domain,
    scope: 'imports:read',
    query: Strict({
      ...pageQuery,
      state: Type.Optional(StringEnum(importStates, { description: 'Only in this state' })),
      kind: Type.Optional(StringEnum(importKinds, { description: 'Only of this kind' })),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of imports',
        schema: Ref(ImportPage),
        example: { data: [importExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, query: { limit, cursor, ...filters } }) => {
      const wanted = pageRequest(ctx, 'listImports', { limit, cursor }, filters);
      const { data, next_cursor } = page(ctx, wanted, await listImports(ctx, filters, wanted), (row) => [
        row.id,
      ]);
      return {
        status: 200,
        body: { data: data.map((row) => toImport(row, ctx.now)), next_cursor },
      };
    },
  });

  operation(app, {
    method: 'GET',
    path: '/v1/imports/{id}',
    id: 'getImport',
    summary: 'Read an import',
    description: 'Its state, how far it is, and what became of its lines.',
    tag,
    domain,
    scope: 'imports:read',
    params,
    replies: {
      200: { description: 'The import', schema: Ref(Import), headers: etagHeader, example: importExample },
      304: { description: 'Nothing has happened since', headers: etagHeader },
    },
    handler: async ({ ctx, params: { id }, headers }) =>
      contentReply(toImport(await findImport(ctx, id), ctx.now), headers.ifNoneMatch),
  });
  rejectionsRoute(app);
}

function rejectionsRoute(app: FastifyInstance): void {
  operation(app, {
    method: 'GET',
    path: '/v1/imports/{id}/rejections',
    id: 'listRejections',
    summary: 'Read the rejected lines of an import',
    description:
      'In the format and charset of the body, as they were sent, in the order of lines, with `line`, `code`, `message` and `pointer`: four members more of each object of NDJSON (a line that is no object stands under `sent`), four columns more of CSV. Kept for 30 days. Lines hold personal data in full: for whoever has sent them, and for keys with `customers:read_sensitive`.',
    tag,
    domain,
    scope: 'imports:read',
    params,
    patient: true,
    replies: {
      200: {
        description: 'The rejected lines, streamed',
        schema: Type.String(),
        contentTypes: bodyTypes,
        example:
          '{"source":"core","line":7,"code":"malformed_request","message":"/source_id is required.","pointer":"/source_id"}\n',
      },
    },
    handler: async ({ ctx, params: { id } }) => {
      const row = await findImport(ctx, id);
      if (row.created_by !== ctx.actor && !mayReadSensitive(ctx, 'customers')) {
        const scope = 'customers:read_sensitive';
        throw insufficientScope(scope, `Lines that others have sent ask for the scope ${scope} too.`);
      }
      const type = row.format === 'csv' ? 'text/csv' : 'application/x-ndjson';
      return {
        status: 200,
        headers: { 'Content-Type': `${type}; charset=${row.charset}` },
        body: streamRejections(ctx, row),
      };
    },
  });
}
