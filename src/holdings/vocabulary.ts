/** The words for holdings: one vocabulary for all features. */

import { assetCategories, categories, liabilityCategories } from './categories.js';

export { assetCategories, categories, liabilityCategories };
export type Category = (typeof categories)[number];

export const statuses = ['pending', 'active', 'suspended', 'stopped', 'frozen', 'dormant', 'closed'] as const;
export type HoldingStatus = (typeof statuses)[number];

export const roles = ['primary_owner', 'joint_owner', 'authorised', 'guarantor', 'beneficiary'] as const;
export type PartyRole = (typeof roles)[number];

/** Those between whom the shares of a holding are divided. */
export const ownerRoles: readonly PartyRole[] = ['primary_owner', 'joint_owner'];
