/** Who looks after whom, as the API shows and takes it. */
import { type Static, Type } from 'typebox';
import { CustomerReference } from '../customers/schemas.js';
import {
  Count,
  Id,
  Instant,
  Nullable,
  Page,
  Ref,
  Strict,
  StringEnum,
  Text,
} from '../platform/http/schemas.js';
import { assignmentRoles } from './events.js';

const staffCode = (description: string) => Text(description, 60);
const role = StringEnum(assignmentRoles, { description: 'Of primary ones there is one at an instant' });
const reason = Nullable(Text('Why; shown with `customers:read_sensitive` only', 200));

export const AssignmentIn = Strict(
  {
    customer: Ref(CustomerReference),
    staff: staffCode('Somebody of the staff, who is there by then'),
    role,
    from: Type.Optional(Instant('From then on; now where nothing is said')),
    to: Type.Optional(Nullable(Instant('Until then, without that instant; null: without an end'))),
    reason: Type.Optional(reason),
  },
  { $id: 'AssignmentIn', description: 'Who is to look after a customer, and when' },
);

export const AssignmentPatch = Strict(
  {
    to: Type.Optional(
      Nullable(Instant('Until then; of one that has not begun its own begin: it is taken back')),
    ),
    reason: Type.Optional(reason),
  },
  { $id: 'AssignmentPatch', description: 'When it ends', minProperties: 1 },
);

export const Assignment = Strict(
  {
    id: Id('Of the assignment'),
    customer_id: Id('Who is looked after'),
    staff: staffCode('The code of whoever it is'),
    role,
    from: Instant('From then on'),
    to: Nullable(Instant('Until then, without that instant')),
    status: StringEnum(['planned', 'current', 'ended', 'taken_back'], { description: 'Now' }),
    reason,
    source: Nullable(Type.String({ description: 'Whose statement it is; null: it was assigned here' })),
    assigned_by: Type.String({ description: 'Who assigned it' }),
    recorded_at: Instant('When that was'),
    transfer_id: Nullable(Id('The transfer that it is part of')),
    version: Count('As in the ETag'),
  },
  { $id: 'Assignment', description: 'Somebody looks after a customer' },
);
export const AssignmentPage = Page(Ref(Assignment), 'AssignmentPage');

const from = Type.Union([
  Strict({ staff: staffCode('Whose primary customers') }),
  Strict({ branch: Text('Whose customers, with all branches below', 40) }),
]);
const filter = Strict(
  {
    branch: Type.Optional(Text('Of this branch, with all below', 40)),
    kind: Type.Optional(StringEnum(['person', 'organization'])),
    city: Type.Optional(Text('In this city', 100)),
  },
  { description: 'Which of them; all where nothing is said' },
);

export const TransferIn = Strict(
  {
    from,
    to: staffCode('Somebody of the staff, who is there by then'),
    filter: Type.Optional(filter),
    effective_from: Type.Optional(Instant('From then on; each when it is its turn where nothing is said')),
    reason: Type.Optional(reason),
  },
  { $id: 'AssignmentTransferIn', description: 'Whose customers are to be whose' },
);

export const Transfer = Strict(
  {
    id: Id('Of the transfer'),
    from,
    to: staffCode('Who has them then'),
    filter,
    effective_from: Nullable(Instant('From then on; null: each when it was its turn')),
    reason,
    state: StringEnum(['running', 'completed']),
    total: Count('Customers that it was about when it was asked for'),
    done: Count('Customers that were assigned'),
    created_by: Type.String({ description: 'Who asked for it' }),
    created_at: Instant('When that was'),
    completed_at: Nullable(Instant('When the last one was assigned')),
  },
  { $id: 'AssignmentTransfer', description: 'A book, or the customers of a branch, that are handed over' },
);

export const assignmentComponents = [
  AssignmentIn,
  AssignmentPatch,
  Assignment,
  AssignmentPage,
  TransferIn,
  Transfer,
];

export type AssignmentInput = Static<typeof AssignmentIn>;
export type AssignmentOut = Static<typeof Assignment>;
export type TransferInput = Static<typeof TransferIn>;
export type TransferOut = Static<typeof Transfer>;
