/** Which methods a path answers to, for 405, OPTIONS and `Allow`. */
import type { FastifyInstance } from 'fastify';
import { DomainError } from '../errors.js';

/** What paths say in the place of a key: no key is one of them, so that no two paths meet. */
export const reservedKeys: readonly string[] = ['preview', 'search', 'upsert', 'lookup'];

export type Route = { method: string; path: string };

/** Every route that is registered from now on, but what takes any path. */
export function collectRoutes(app: FastifyInstance): readonly Route[] {
  const routes: Route[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    if (url === '*' || url === '/*') return;
    for (const one of [method].flat()) routes.push({ method: one, path: url });
  });
  return routes;
}

export function methodsOf(routes: readonly Route[], path: string): string[] {
  const segments = path.split('/');
  const matching = routes.filter(({ path: pattern }) => matches(pattern.split('/'), segments));
  // `/customers/upsert` is not a customer of that id: the pattern with the fewest parameters is meant
  const parameters = ({ path: pattern }: Route) => pattern.split(/[:*]/).length;
  const fewest = Math.min(...matching.map(parameters));
  const methods = new Set(
    matching.filter((route) => parameters(route) === fewest).map(({ method }) => method),
  );
  if (methods.size > 0) methods.add('OPTIONS');
  return [...methods].sort();
}

const matches = (parts: string[], segments: string[]): boolean =>
  (parts.at(-1) === '*' ? segments.length >= parts.length : segments.length === parts.length) &&
  parts.every((part, index) => part === '*' || part.startsWith(':') || part === segments[index]);

/** Whether one path could match both, and the other says more of it. */
function isNarrower(narrow: string, wide: string): boolean {
  const [one, other] = [narrow.split('/'), wide.split('/')];
  const overlap =
    one.length === other.length &&
    one.every((part, index) => part === other[index] || `${part}/${other[index]}`.includes(':'));
  return overlap && narrow.split(':').length < wide.split(':').length;
}

/**
 * `GET /customers/search` is not a customer of that id, though only `POST` has another meaning: the router looks at one
 * method alone. Throws 405.
 */
export function refuseOtherMeanings(app: FastifyInstance, routes: readonly Route[]): void {
  const narrower = new Map<string, string[]>();
  const meanings = (pattern: string): string[] => {
    const known = narrower.get(pattern);
    if (known !== undefined) return known;
    const found = [...new Set(routes.map(({ path }) => path))].filter((path) => isNarrower(path, pattern));
    narrower.set(pattern, found);
    return found;
  };
  app.addHook('onRequest', async (request, reply) => {
    const { url: pattern } = request.routeOptions;
    if (pattern?.includes(':') !== true) return;
    const others = meanings(pattern);
    if (others.length === 0) return;
    const path = request.url.split('?')[0] ?? '';
    const segments = path.split('/');
    if (!others.some((one) => matches(one.split('/'), segments))) return;
    const allowed = methodsOf(routes, path);
    if (allowed.includes(request.method)) return;
    reply.header('Allow', allowed.join(', '));
    throw methodNotAllowed(allowed);
  });
}

export const methodNotAllowed = (allowed: readonly string[]): DomainError =>
  new DomainError('method_not_allowed', `This path answers to ${allowed.join(', ')}.`);
