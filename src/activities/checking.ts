/** The shape of one activity, checked by itself: in a batch or on a line of an import. */
import { CustomerReference } from '../customers/schemas.js';
import type { FieldProblem } from '../platform/errors.js';
import { Ref } from '../platform/http/schemas.js';
import { bodyValidator } from '../platform/http/validation.js';
import { ActivityEnvelope, ActivityIn, HoldingReference, ReversesIn } from './schemas.js';

export const checkActivity: (value: unknown) => FieldProblem[] = bodyValidator(
  [CustomerReference, HoldingReference, ReversesIn, ActivityIn],
  Ref(ActivityIn),
);

export const checkEnvelope: (value: unknown) => FieldProblem[] = bodyValidator([], ActivityEnvelope);
