/** All tables in reading order, which is also the order in which a transaction takes its locks. */

export * from './activities.js';
export * from './approvals.js';
export * from './customers.js';
export * from './feeds.js';
export * from './holdings.js';
export * from './imports.js';
export * from './levels.js';
export * from './loyalty.js';
export * from './loyalty-earning.js';
export * from './loyalty-reports.js';
export * from './loyalty-rewards.js';
export * from './loyalty-tiers.js';
export * from './merges.js';
export * from './money.js';
export * from './organization.js';
export * from './platform.js';
export * from './ranks.js';
export * from './reviews.js';
export * from './segments.js';
