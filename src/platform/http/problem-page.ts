/** Where the `type` of every problem resolves: a page that explains each code. */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { problems } from '../problem-codes.js';

const style =
  'body{font:16px/1.5 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem}small{color:#777}section:target{background:#ffd}';
const styleHash = createHash('sha256').update(style).digest('base64');

export function problemPage(app: FastifyInstance): void {
  const rows = Object.entries(problems).map(
    ([code, { status, title, titleZh, description, descriptionZh }]) =>
      `<section id="${code}"><h2><code>${code}</code> <small>${status}</small></h2><p><b>${title}</b> · <b lang="zh">${titleZh}</b></p><p>${description}</p><p lang="zh">${descriptionZh}</p></section>`,
  );
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Problem codes of Clientele</title>
<style>${style}</style>
<h1>Problem codes</h1>${rows.join('')}</html>`;
  app.get('/docs/problems', { schema: { hide: true } }, async (_request, reply) =>
    reply
      .header('Content-Type', 'text/html; charset=utf-8')
      .header(
        'Content-Security-Policy',
        `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      )
      .send(html),
  );
}
