/**
 * The dashboard of the queues, for whoever holds the scope `admin`. A browser asks its user for a name, which may be
 * any, and a password, which is the key; it sends them here and nowhere else, since no other path takes them.
 * The dashboard only looks: there is nothing that a page of elsewhere could have a browser do.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../errors.js';
import type { Logger } from '../log.js';
import type { ProblemCode } from '../problem-codes.js';
import type { Queues } from '../queue.js';
import type { Board } from './queue-board.js';

const path = '/admin/queues';

/** Its own scripts, pictures and words; styles also in the page, which its components make there. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

const asked = { scope: 'admin', ofTheBank: true } as const;

const refusals: Record<number, [ProblemCode, string]> = {
  400: ['malformed_request', 'The request could not be understood.'],
  404: ['not_found', 'No such queue, job or page.'],
};

/** @param queues opens them where they are not open yet */
export function queueDashboard(app: FastifyInstance, queues: () => Promise<Queues>, log: Logger): void {
  let opened: Promise<Board> | undefined;
  const boardOf = () => {
    opened ??= import('./queue-board.js').then(({ openBoard }) => openBoard(path, queues, log));
    return opened;
  };
  app.addHook('onClose', async () => (await opened)?.close());
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const { status, type, body } = await (await boardOf()).page(request.url);
    if (status >= 400) {
      const [code, detail] = refusals[status] ?? ['unavailable', 'The queues do not answer right now.'];
      throw new DomainError(code, detail, code === 'unavailable' ? { retryAfterSeconds: 5 } : {});
    }
    return reply
      .code(status)
      .header('Content-Type', type)
      .header('Cache-Control', 'no-store')
      .header('Content-Security-Policy', policy)
      .send(body);
  };
  for (const url of [path, `${path}/*`]) {
    app.route({
      method: 'GET',
      url,
      schema: { hide: true },
      config: { browser: true },
      onRequest: (request, reply) => app.admit(request, reply, asked),
      handler,
    });
  }
}
