/** The HTTP application: every plugin and route. It does not listen. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { activityRoutes } from './activities/routes.js';
import type { Config } from './config.js';
import { customerRoutes } from './customers/routes.js';
import { searchRoutes } from './customers/search-routes.js';
import { definitionRoutes } from './definitions/routes.js';
import { eventWebhooks } from './events/catalogue.js';
import { eventRoutes } from './events/routes.js';
import { holdingRoutes } from './holdings/routes.js';
import { importRoutes } from './imports/routes.js';
import type { Clock } from './platform/clock.js';
import type { Services } from './platform/context.js';
import { apiKeyRoutes } from './platform/http/api-keys.js';
import { approvalRoutes } from './platform/http/approval-routes.js';
import { decorateCallers } from './platform/http/callers.js';
import { boundConnections } from './platform/http/connections.js';
import { useFairUse } from './platform/http/fair-use.js';
import { type Health, healthRoutes } from './platform/http/health.js';
import { measureRequests, metricsRoute } from './platform/http/measured.js';
import { openApiOptions, openApiPage, swaggerUiOptions } from './platform/http/openapi.js';
import { useLoadShedding } from './platform/http/overload.js';
import { collectRoutes, methodsOf, refuseOtherMeanings } from './platform/http/paths.js';
import { problemPage } from './platform/http/problem-page.js';
import { useProblems } from './platform/http/problems.js';
import { queueDashboard } from './platform/http/queue-dashboard.js';
import { securityTxt, useCors, useSecurityHeaders } from './platform/http/security-headers.js';
import { createServer, useParsers, useReplyFields, useRequestRules } from './platform/http/server.js';
import { useTraces } from './platform/http/traced.js';
import type { Logger } from './platform/log.js';
import type { Metrics } from './platform/metrics/metrics.js';
import type { Queues } from './platform/queue.js';
import type { Tracer } from './platform/tracing/tracer.js';
import { profileRoutes } from './profile/routes.js';
import { relationshipRoutes } from './relationships/routes.js';
import type { LoadFacts } from './rules/facts.js';
import { sandboxRoutes } from './sandbox/routes.js';
import { segmentRoutes } from './segments/routes.js';

export type AppDeps = {
  config: Config;
  services: Services;
  clock: Clock;
  log: Logger;
  /** what rules may speak of */
  facts: LoadFacts;
  health: Health;
  metrics: Metrics;
  /** where traces are recorded */
  tracer?: Tracer | undefined;
  /** to look at, for the dashboard: opened where they are not open yet */
  queues: () => Promise<Queues>;
};

export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const { config, services, log } = deps;
  const app = createServer(config, log);
  app.decorate('operations', []);
  app.decorate('guarded', new Map());
  measureRequests(app, deps.metrics);
  useTraces(app, deps.tracer);
  decorateCallers(app, deps);
  const routes = collectRoutes(app);
  useProblems(app, (path) => methodsOf(routes, path));
  useParsers(app);
  boundConnections(app, config, log);
  useReplyFields(app, deps.health);
  useSecurityHeaders(app, config);
  await useCors(app, config);
  useRequestRules(app, config.requestTimeoutSeconds);
  refuseOtherMeanings(app, routes);
  await useLoadShedding(app, config, log, () => services.database.pool.waitingCount);
  await useFairUse(app, config, log);
  await app.register(swagger, openApiOptions(app.operations, eventWebhooks(), config.oidcIssuer));
  await app.register(swaggerUi, swaggerUiOptions());
  await app.register(async (scope) => {
    healthRoutes(scope, deps.health);
    metricsRoute(scope, deps.metrics, config.metrics === 'public');
    problemPage(scope);
    queueDashboard(scope, deps.queues, log);
    openApiPage(scope);
    securityTxt(scope, config.securityContact);
    customerRoutes(scope);
    searchRoutes(scope);
    holdingRoutes(scope);
    relationshipRoutes(scope);
    definitionRoutes(scope);
    profileRoutes(scope);
    activityRoutes(scope);
    importRoutes(scope, config);
    segmentRoutes(scope, deps.facts);
    eventRoutes(scope, deps);
    apiKeyRoutes(scope);
    approvalRoutes(scope);
    sandboxRoutes(scope, deps.config.sandbox);
  });
  return app;
}
