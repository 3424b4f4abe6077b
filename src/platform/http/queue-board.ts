/**
 * The pages of bull-board, in a server of their own that never listens. It is loaded when somebody looks: what it
 * stands on takes longer to load than all the rest of the service.
 */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import fastify from 'fastify';
import type { Logger } from '../log.js';
import type { Queues } from '../queue.js';
import { withinSeconds } from '../within.js';
import { toDomainError } from './problems.js';

export type Page = { status: number; type: string; body: Buffer };
export type Board = { page(target: string): Promise<Page>; close(): Promise<void> };

/** A store that is away answers nothing: nobody waits longer than this for it. */
const patienceSeconds = 5;

/** An adapter without routes that change anything, and without one that waits for ever. */
function lookingOnly(beforeEach: () => Promise<void>): FastifyAdapter {
  const adapter = new FastifyAdapter();
  const setAll = adapter.setApiRoutes.bind(adapter);
  adapter.setApiRoutes = (routes) =>
    setAll(
      routes
        .filter(({ method }) => method === 'get')
        .map((route) => ({
          ...route,
          handler: async (request) => {
            const answered = beforeEach().then(async () => route.handler(request));
            const reply = await withinSeconds(patienceSeconds, answered);
            if (reply === undefined) throw new Error('the store of the queues does not answer');
            return reply;
          },
        })),
    );
  return adapter;
}

export async function openBoard(prefix: string, queues: () => Promise<Queues>, log: Logger): Promise<Board> {
  const adapters = async () => {
    const looked = await (await queues()).look();
    board.replaceQueues(looked.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })));
  };
  const serverAdapter = lookingOnly(adapters).setBasePath(prefix);
  const board = createBullBoard({
    queues: [],
    serverAdapter,
    options: {
      uiConfig: {
        boardTitle: 'Clientele queues',
        hideDocsLink: true,
        // it knows workers by names of their connections that ours do not have, and would say that there are none
        showWorkers: false,
      },
    },
  });
  const server = fastify({ exposeHeadRoutes: false, return503OnClosing: false });
  server.addHook('onRoute', (route) => {
    // its own would tell the message of whatever was thrown
    route.errorHandler = (error, _request, reply) => {
      const isMalformed = error instanceof URIError || toDomainError(error).status < 500;
      if (!isMalformed) log.warn({ err: error }, 'the queue dashboard has no answer');
      reply.code(isMalformed ? 400 : 503).send('');
    };
  });
  server.addHook('onSend', async (_request, reply, payload) => {
    const isPage = typeof payload === 'string' && String(reply.getHeader('content-type')).includes('html');
    // a bank's browser asks nobody else for anything
    return isPage ? payload.replaceAll(/<link\b[^>]*\bhref="https?:[^>]*>/g, '') : payload;
  });
  await server.register(serverAdapter.registerPlugin(), { prefix });
  await server.ready();
  return {
    async page(target) {
      const { statusCode, headers, rawPayload } = await server.inject({ method: 'GET', url: target });
      return { status: statusCode, type: String(headers['content-type'] ?? ''), body: rawPayload };
    },
    close: () => server.close(),
  };
}
