/** All that is moved when one customer turns out to be another. A contract test fails on a table that no feature answers for. */
import { activityReassignment } from '../activities/reassign.js';
import { customerReassignment } from '../customers/reassign.js';
import { holdingReassignment } from '../holdings/reassign.js';
import { levelReassignment } from '../levels/reassign.js';
import { loyaltyReassignment } from '../loyalty/reassign.js';
import { tierReassignment } from '../loyalty/tiers/reassign.js';
import { assignmentReassignment } from '../organization/reassign.js';
import type { Reassignment } from '../platform/reassignment.js';
import { relationshipReassignment } from '../relationships/reassign.js';
import { membershipReassignment } from '../segments/reassign.js';

export const reassignments: readonly Reassignment[] = [
  customerReassignment,
  relationshipReassignment,
  holdingReassignment,
  assignmentReassignment,
  activityReassignment,
  membershipReassignment,
  levelReassignment,
  loyaltyReassignment,
  tierReassignment,
];
