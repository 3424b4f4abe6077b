/** Which methods a path answers to, for 405, OPTIONS and `Allow`. */
import type { FastifyInstance } from 'fastify';

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
