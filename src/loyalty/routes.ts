import type { FastifyInstance } from 'fastify';
import type { LoadFacts } from '../rules/facts.js';
import { accountRoutes } from './account-routes.js';
import { earnRuleRoutes } from './earning/rule-routes.js';
import { earningComponents } from './earning/schemas.js';
import { orderRoutes } from './order-routes.js';
import { pointRoutes } from './point-routes.js';
import { programmeRoutes } from './programme-routes.js';
import { reportRoutes } from './report-routes.js';
import { reportComponents } from './reports/schemas.js';
import { rewardRoutes } from './reward-routes.js';
import { rewardComponents } from './rewards/schemas.js';
import { loyaltyComponents } from './schemas.js';
import { tierRoutes } from './tier-routes.js';

export function loyaltyRoutes(app: FastifyInstance, facts: LoadFacts): void {
  for (const component of [
    ...loyaltyComponents,
    ...earningComponents,
    ...reportComponents,
    ...rewardComponents,
  ])
    app.addSchema(component);
  programmeRoutes(app);
  accountRoutes(app);
  pointRoutes(app);
  earnRuleRoutes(app, facts);
  tierRoutes(app);
  reportRoutes(app);
  rewardRoutes(app, facts);
  orderRoutes(app, facts);
}
