/** How many runs a property has: `PROPERTY_RUNS` where somebody wants more. */
export const runs = (standard: number): number => Number(process.env.PROPERTY_RUNS ?? standard);
