/** What a key may do. `admin` may do everything. */
export const scopes = {
  'customers:read': 'Read customers, with identifying fields masked',
  'customers:read_sensitive': 'Read identifying fields in full',
  'customers:write': 'Create and change customers, identifiers, relationships and holdings',
  'merges:read': 'Read merges of customers',
  'merges:write': 'Merge customers, and take a merge back',
  'activities:read': 'Read activities',
  'activities:write': 'Send activities',
  'imports:read': 'Read imports, their progress and their rejected rows',
  'imports:write': 'Start, continue and cancel imports',
  'segments:read': 'Read segments, members and facts',
  'segments:write': 'Create and change segments',
  'levels:read': 'Read the levels of the bank, and those of customers',
  'levels:write': 'Change how customers are graded',
  'loyalty:read': 'Read programmes, and the points of customers',
  'loyalty:write': 'Define programmes, and move points',
  'organization:read': 'Read branches, staff, and who looks after whom',
  'organization:write': 'Create and change branches and staff',
  'assignments:write': 'Say who looks after whom, and hand books over',
  'definitions:write': 'Declare custom attributes and identifier schemes, record exchange rates',
  'approvals:read': 'Read what waits for a second person, and take back what one has asked for oneself',
  'approvals:decide': 'Decide on what others have asked for, where one holds the scope of the operation too',
  'events:read': 'Read the events that go out',
  'tokens:exchange': 'Get tokens for single customers, with scopes that one has oneself',
  'metrics:read': 'Read the metrics of the service',
  admin: 'Everything, and the administration of keys',
} as const;

export type Scope = keyof typeof scopes;
export const allScopes = Object.keys(scopes) as [Scope, ...Scope[]];
