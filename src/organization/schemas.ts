/** Branches and staff as the API shows and takes them. */
import { type Static, Type } from 'typebox';
import {
  Count,
  DateOnly,
  Instant,
  Key,
  Nullable,
  Page,
  Ref,
  Strict,
  StringEnum,
  Text,
} from '../platform/http/schemas.js';

const code = (description: string, maxLength: number) =>
  Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$', maxLength, description });
export const BranchCode = (description: string) => code(description, 40);
export const StaffCode = (description: string) => code(description, 60);

const branch = {
  name: Text('What it is called', 200),
  kind: Key('What it is, in the words of the bank: `region`, `branch`, `outlet`'),
  parent: Type.Optional(Nullable(BranchCode('The branch above it; null: it stands at the top'))),
  opens_on: Type.Optional(DateOnly('The first day on which it is there; today where nothing is said')),
  closes_on: Type.Optional(Nullable(DateOnly('The first day on which it is not there any more'))),
  successor: Type.Optional(
    Nullable(BranchCode('Who has its customers, and the branches below it, from then on')),
  ),
};

export const BranchIn = Strict(
  { code: BranchCode('As sources state it of customers; it never changes'), ...branch },
  { $id: 'BranchIn', description: 'A new branch' },
);
export const BranchPatch = Strict(
  { ...branch, name: Type.Optional(branch.name), kind: Type.Optional(branch.kind) },
  { $id: 'BranchPatch', description: 'What changes of a branch; what is absent stays' },
);
export const Branch = Strict(
  {
    code: BranchCode('As sources state it of customers'),
    name: branch.name,
    kind: branch.kind,
    parent: Nullable(BranchCode('The branch above it')),
    opens_on: DateOnly('The first day on which it is there'),
    closes_on: Nullable(DateOnly('The first day on which it is not there any more')),
    successor: Nullable(BranchCode('Who has its customers from then on')),
    status: StringEnum(['planned', 'open', 'closed'], { description: 'Today' }),
    version: Count('As in the ETag'),
    updated_at: Instant('Last changed'),
  },
  { $id: 'Branch', description: 'A branch of the bank' },
);
export const BranchPage = Page(Ref(Branch), 'BranchPage');

const staff = {
  name: Text('Of the person', 100),
  branch: Type.Optional(Nullable(BranchCode('Where they work'))),
  active_from: Type.Optional(DateOnly('The first day; today where nothing is said')),
  active_to: Type.Optional(Nullable(DateOnly('The first day on which they are not there any more'))),
};

export const StaffIn = Strict(
  { code: StaffCode('As sources state it of customers; it never changes'), ...staff },
  { $id: 'StaffIn', description: 'A new member of the staff' },
);
export const StaffPatch = Strict(
  { ...staff, name: Type.Optional(staff.name) },
  { $id: 'StaffPatch', description: 'What changes; what is absent stays' },
);
export const StaffMember = Strict(
  {
    code: StaffCode('As sources state it of customers'),
    name: staff.name,
    branch: Nullable(BranchCode('Where they work')),
    active_from: DateOnly('The first day'),
    active_to: Nullable(DateOnly('The first day on which they are not there any more')),
    version: Count('As in the ETag'),
    updated_at: Instant('Last changed'),
  },
  { $id: 'StaffMember', description: 'Somebody who works for the bank' },
);
export const StaffPage = Page(Ref(StaffMember), 'StaffPage');

export const organizationComponents = [
  BranchIn,
  BranchPatch,
  Branch,
  BranchPage,
  StaffIn,
  StaffPatch,
  StaffMember,
  StaffPage,
];

export type BranchRow = Static<typeof Branch>;
export type BranchFields = Partial<Omit<Static<typeof BranchIn>, 'code'>>;
export type StaffRow = Static<typeof StaffMember>;
export type StaffFields = Partial<Omit<Static<typeof StaffIn>, 'code'>>;
