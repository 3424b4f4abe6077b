/** All tables in reading order, which is also the order in which a transaction takes its locks. */

export * from './activities.js';
export * from './approvals.js';
export * from './customers.js';
export * from './holdings.js';
export * from './imports.js';
export * from './platform.js';
export * from './reviews.js';
export * from './segments.js';
