import type { FactTable } from './rules/fact.js';

export const allFacts = (): FactTable => ({});
