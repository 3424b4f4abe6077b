/** Where a code lies sealed. */
export const placeOfCode = (codeId: string) => `loyalty_reward_codes:${codeId}`;
