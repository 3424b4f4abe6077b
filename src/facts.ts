export type LoadFacts = () => Promise<unknown>;
export const loadFacts: LoadFacts = async () => ({});
