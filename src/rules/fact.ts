export type FactTable = Record<string, never>;
