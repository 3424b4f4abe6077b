/** Where the `type` of every problem resolves: a page that explains each code. */
import type { FastifyInstance } from 'fastify';
import { problems } from '../problem-codes.js';

export function problemPage(app: FastifyInstance): void {
  const rows = Object.entries(problems).map(
    ([code, { status, title, titleZh, description, descriptionZh }]) =>
      `<section id="${code}"><h2><code>${code}</code> <small>${status}</small></h2><p><b>${title}</b> · <b lang="zh">${titleZh}</b></p><p>${description}</p><p lang="zh">${descriptionZh}</p></section>`,
  );
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Problem codes of Clientele</title>
<style>body{font:16px/1.5 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem}small{color:#777}section:target{background:#ffd}</style>
<h1>Problem codes</h1>${rows.join('')}</html>`;
  app.get('/docs/problems', { schema: { hide: true } }, async (_request, reply) =>
    reply.header('Content-Type', 'text/html; charset=utf-8').send(html),
  );
}
