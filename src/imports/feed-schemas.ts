/** Feeds and watermarks as the API takes and shows them. */
import { type Static, Type } from 'typebox';
import { SourceKey } from '../customers/schemas.js';
import { categories } from '../holdings/vocabulary.js';
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
import { delimiterNames } from './record-ends.js';
import { importKinds, importModes } from './rows.js';

export const modeDescription =
  'upsert: lines make and change; delta: each line has an `op` of insert, update or delete, which closes a holding; snapshot: holdings that are not named any more are closed as of the business date';

const feed = {
  description: Text('What the file is', 500),
  source: SourceKey,
  kind: StringEnum(importKinds, { description: 'What its lines are' }),
  mode: StringEnum(importModes, { description: modeDescription }),
  delimiter: StringEnum(delimiterNames, { description: 'Of CSV; soh is U+0001' }),
  control_field: Nullable(
    Text(
      'The field whose sum `control_amount` is; null: the amount of activities, the balance of holdings',
      100,
    ),
  ),
  categories: Nullable(
    Type.Array(StringEnum(categories), {
      minItems: 1,
      maxItems: 20,
      uniqueItems: true,
      description: 'A snapshot names all holdings of these categories that the source has; null: of all',
    }),
  ),
  max_close_percent: Type.Integer({
    minimum: 0,
    maximum: 100,
    description: 'A snapshot that would close a larger share of the open holdings waits to be confirmed',
  }),
};

export const FeedIn = Strict(feed, { $id: 'FeedIn', description: 'A regular file of a source' });
export const Feed = Strict(
  {
    key: Key('As imports name it'),
    ...feed,
    version: Count('As in the ETag'),
    updated_at: Instant('Last changed'),
  },
  { $id: 'Feed', description: 'A regular file of a source' },
);
export const FeedPage = Page(Ref(Feed), 'FeedPage');

export const Watermark = Strict(
  {
    feed: Key('Key of the feed'),
    source: SourceKey,
    kind: feed.kind,
    loaded_through: Nullable(
      DateOnly('The latest business date that is loaded, with nothing of it or before it still under way'),
    ),
    loaded_at: Nullable(Instant('When that was')),
    evaluated_through: Nullable(
      DateOnly('The same of dates whose customers were all reviewed: memberships follow from them'),
    ),
    evaluated_at: Nullable(Instant('When that was')),
    open: Count('Imports of it that are under way'),
    waiting: Count('Those of them that wait to be confirmed'),
  },
  { $id: 'Watermark', description: 'How far a feed is loaded, and evaluated' },
);
export const WatermarkPage = Page(Ref(Watermark), 'WatermarkPage');

export const feedComponents = [FeedIn, Feed, FeedPage, Watermark, WatermarkPage];
export type FeedStatement = Static<typeof FeedIn>;
export type FeedRow = Static<typeof Feed>;
export type WatermarkRow = Static<typeof Watermark>;
