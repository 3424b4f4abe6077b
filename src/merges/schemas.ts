/** Merges as the API shows and takes them. */
import { type Static, Type } from 'typebox';
import { CustomerReference, SourceKey } from '../customers/schemas.js';
import { Plan } from '../platform/http/approval-schemas.js';
import { Count, Id, Instant, Nullable, Page, Ref, Strict, StringEnum } from '../platform/http/schemas.js';

const Side = StringEnum(['survivor', 'merged'], { description: 'Whose value stands' });
const Survivorship = Type.Record(Type.String(), Side, {
  maxProperties: 100,
  description: 'By field, whose value stands where both have one: `full_name`, `attributes.segment`',
});
const authorities = ['decision', 'source_of_record'] as const;

export const MergeIn = Strict(
  {
    survivor: Ref(CustomerReference),
    merged: Ref(CustomerReference),
    survivorship: Type.Optional(Survivorship),
    authority: Type.Optional(
      StringEnum(authorities, {
        default: 'decision',
        description: 'source_of_record: the core has merged them already, so nobody is asked',
      }),
    ),
    source: Type.Optional(SourceKey),
  },
  { $id: 'MergeIn', description: 'Two customers that are one' },
);

export const Merge = Strict(
  {
    id: Id('Of the merge'),
    survivor_id: Id('The customer that is both'),
    merged_id: Id('The customer that was merged into it'),
    authority: StringEnum(authorities),
    source: Nullable(SourceKey),
    state: StringEnum(['moving', 'merged', 'reverting', 'reverted'], {
      description:
        'moving and reverting: activities of a customer with very many are still being moved. Readers see all of them all the time; segments are judged when the last one has arrived',
    }),
    survivorship: Survivorship,
    report: Strict(
      {
        moved: Type.Record(Type.String(), Count('Rows of this kind'), {
          description: 'What went to the survivor, by kind',
        }),
        returned: Type.Optional(
          Type.Record(Type.String(), Count('Rows of this kind'), {
            description: 'What a revert gave back, by kind: what was told of the merged one since is in it',
          }),
        ),
        later: Type.Optional(
          Strict(
            {
              to_survivor: Type.Record(Type.String(), Count('Rows of this kind')),
              to_merged: Type.Record(Type.String(), Count('Rows of this kind')),
            },
            {
              description:
                'What was written since the merge, and to whom a revert gave it: what named the merged one, by its id, its identifiers or its holdings, to it; all else stays with the survivor',
            },
          ),
        ),
      },
      { description: 'How many rows of each kind went where' },
    ),
    created_by: Type.String({ description: 'Who merged them' }),
    merged_at: Instant('Since when they are one'),
    reverted_by: Nullable(Type.String({ description: 'Who took it back' })),
    reverted_at: Nullable(Instant('When it was taken back')),
    version: Count('As in the ETag'),
  },
  { $id: 'Merge', description: 'Two customers that were made one' },
);
export const MergePage = Page(Ref(Merge), 'MergePage');

export const MergeOrPlan = Type.Union([Ref(Merge), Ref(Plan)], {
  $id: 'MergeOrPlan',
  description: 'The merge, or what would be done',
});

export const mergeComponents = [MergeIn, Merge, MergePage, MergeOrPlan];
export type MergeStatement = Static<typeof MergeIn>;
