export type FactTable = unknown;
