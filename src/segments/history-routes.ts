/** What became of a segment through time. */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { drawChart } from '../platform/charts/draw.js';
import { operation } from '../platform/http/operation.js';
import { DateOnly, Instant, Key, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { page, pageRequest } from '../platform/pagination.js';
import { changeKey, listChanges } from './changes.js';
import { freshness } from './members.js';
import { SegmentChangePage, SegmentStatistics } from './schemas.js';
import { checkSegment } from './service.js';
import { datesOf, maximumDays, segmentStatistics, statisticsChart } from './statistics.js';

const tag = 'Segments';
const domain = 'Customer Behavior Insights';
const params = Strict({ key: Key('Of the segment') });
const fresh = { evaluated_at: '2026-01-06T09:00:00Z', unreviewed: 0, oldest_unreviewed_at: null };

export function historyRoutes(app: FastifyInstance): void {
  statisticsRoute(app);
  operation(app, {
    method: 'GET',
    path: '/v1/segments/{key}/changes',
    id: 'listSegmentChanges',
    summary: 'Who entered and who left a segment',
    description:
      'Between two instants, in the order in which it took effect, with what caused it, by which version of the rule, and when it was decided, which is later where the review was late.',
    tag,
    domain,
    scope: 'segments:read',
    params,
    query: Strict({
      ...pageQuery,
      from: Type.Optional(Instant('From this instant on; from the beginning where it is not said')),
      to: Type.Optional(Instant('Before this instant; up to now where it is not said')),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'Changes, the first of them first',
        schema: Ref(SegmentChangePage),
        example: {
          data: [
            {
              customer_id: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
              change: 'entered',
              effective_at: '2026-01-05T08:00:01.000000Z',
              decided_at: '2026-01-05T08:00:01.000000Z',
              rule_version: 1,
              cause: 'change',
            },
          ],
          next_cursor: null,
        },
      },
    },
    handler: async ({ ctx, params: { key }, query: { limit, cursor, from, to } }) => {
      await checkSegment(ctx, key);
      const wanted = pageRequest(ctx, 'listSegmentChanges', { limit, cursor }, { key, from, to });
      const between = { from: from ?? '-infinity', to: to ?? 'infinity' };
      const body = page(ctx, wanted, await listChanges(ctx, key, between, wanted), changeKey);
      return { status: 200, body };
    },
  });
}

function statisticsRoute(app: FastifyInstance): void {
  operation(app, {
    method: 'GET',
    path: '/v1/segments/{key}/statistics',
    id: 'readSegmentStatistics',
    summary: 'The size of a segment through time',
    description: `Its size at the end of each day of the bank, and how many entered and left on it, of the customers within reach of the caller. The last 30 days where nothing is said, ${maximumDays} at most. As JSON, or with \`Accept: image/svg+xml\` as a chart.`,
    tag,
    domain,
    scope: 'segments:read',
    params,
    query: Strict({
      from: Type.Optional(DateOnly('The first day; 29 days before the last one where it is not said')),
      to: Type.Optional(DateOnly('The last day; today where it is not said')),
    }),
    problems: ['rule_broken'],
    replies: {
      200: {
        description: 'A day after the other',
        schema: Ref(SegmentStatistics),
        alternatives: { 'image/svg+xml': { example: '<svg xmlns="http://www.w3.org/2000/svg"/>' } },
        example: {
          from: '2026-01-05',
          to: '2026-01-06',
          time_zone: 'Asia/Shanghai',
          size_before: 120,
          days: [
            { date: '2026-01-05', size: 123, entries: 5, exits: 2 },
            { date: '2026-01-06', size: 122, entries: 0, exits: 1 },
          ],
          freshness: fresh,
        },
      },
    },
    handler: async ({ ctx, params: { key }, query: { from, to }, mediaType }) => {
      const { name } = await checkSegment(ctx, key);
      const statistics = await segmentStatistics(ctx, key, datesOf(ctx, from, to));
      if (mediaType === 'image/svg+xml')
        return { status: 200, body: await drawChart(statisticsChart(name, statistics)) };
      return { status: 200, body: { ...statistics, freshness: await freshness(ctx) } };
    },
  });
}
