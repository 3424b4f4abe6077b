/** Imports as the API shows them. */
import { type Static, Type } from 'typebox';
import { onUnknownChoices } from '../activities/schemas.js';
import { SourceKey } from '../customers/schemas.js';
import { Plan } from '../platform/http/approval-schemas.js';
import {
  Count,
  DateOnly,
  Id,
  Instant,
  Key,
  Nullable,
  Page,
  Ref,
  Strict,
  StringEnum,
  Worth,
} from '../platform/http/schemas.js';
import { microsOf } from '../platform/instants.js';
import { modeDescription } from './feed-schemas.js';
import { delimiterNames } from './record-ends.js';
import { type ImportRow, importKinds, importModes, importStates } from './rows.js';

export const onErrorChoices = ['continue', 'abort'] as const;

const settings = {
  kind: StringEnum(importKinds, {
    description: 'What the lines are: items as the operation of that kind takes them',
  }),
  on_error: StringEnum(onErrorChoices, {
    description:
      'abort: stop at the first chunk of some thousand lines that has a rejected one, which is not applied; what was applied before stays',
  }),
  on_unknown: StringEnum(onUnknownChoices, {
    description: 'create: identifiers that nobody has make stub customers; with a key without a data scope',
  }),
  dry_run: Type.Boolean({
    description:
      'Apply and take back, chunk by chunk: counts and rejections as they would be, nothing written',
  }),
};

const file = {
  feed: Key('The feed that the file is of'),
  business_date: DateOnly('Of the file: one a feed and date'),
  mode: StringEnum(importModes, { description: modeDescription }),
  delimiter: StringEnum(delimiterNames, { description: 'Of CSV; soh is U+0001' }),
  control_rows: Count('How many lines there have to be, without blank ones and the header'),
  control_amount: Worth('What the amounts of all lines have to come to: of the field that the feed names'),
};

export const importQuery = Strict({
  kind: settings.kind,
  source: Type.Optional(SourceKey),
  feed: Type.Optional(file.feed),
  business_date: Type.Optional(file.business_date),
  mode: Type.Optional(file.mode),
  delimiter: Type.Optional(file.delimiter),
  control_rows: Type.Optional(file.control_rows),
  control_amount: Type.Optional(file.control_amount),
  control_sha256: Type.Optional(
    Type.String({
      pattern: '^[0-9a-fA-F]{64}$',
      maxLength: 64,
      description: 'The same as `Repr-Digest`, in hexadecimal as control files have it',
    }),
  ),
  correction: Type.Unsafe<boolean>({
    type: 'boolean',
    default: false,
    description: 'Another file of a business date that is loaded, or of an earlier one',
  }),
  on_error: Type.Unsafe<(typeof onErrorChoices)[number]>({ ...settings.on_error, default: 'continue' }),
  on_unknown: Type.Unsafe<(typeof onUnknownChoices)[number]>({ ...settings.on_unknown, default: 'reject' }),
  dry_run: Type.Unsafe<boolean>({ ...settings.dry_run, default: false }),
});

const Progress = Strict({
  done: Count('Lines that were judged'),
  total: Nullable(Count('Lines in all; null until the upload has ended')),
  rate: Nullable(Type.Number({ minimum: 0, description: 'Lines a second since it was started' })),
  eta_seconds: Nullable(Count('Seconds that the rest takes at this rate')),
});

export const Import = Strict(
  {
    id: Id('Of the import'),
    ...settings,
    format: StringEnum(['ndjson', 'csv']),
    charset: StringEnum(['utf-8', 'gb18030']),
    source: Nullable(SourceKey),
    feed: Nullable(file.feed),
    business_date: Nullable(file.business_date),
    mode: file.mode,
    delimiter: file.delimiter,
    correction: Type.Boolean({ description: 'Of what the feed had told before' }),
    control_rows: Nullable(file.control_rows),
    control_amount: Nullable(file.control_amount),
    state: StringEnum(importStates, {
      description:
        'receiving: the upload has not ended, go on with PATCH; queued, running: nothing to do but wait; waiting: a snapshot would close more than its feed lets it, or has lines that name no holding, confirm or cancel it; completed: every line was judged; failed: `failure` says why; cancelled',
    }),
    received_bytes: Count('Staged for good, up to the end of a line: go on from here'),
    received_lines: Count('Without blank lines and the header of CSV'),
    accepted: Count('Lines that were new or changed something'),
    duplicates: Count('Lines that said nothing new'),
    rejected: Count('Lines that could not be applied'),
    plan: Nullable(
      Strict({
        open: Count('Open holdings that a snapshot speaks of'),
        closing: Count('Those of them that it does not name'),
        unreadable: Count('Lines that do not say which holding they are about'),
        max_close_percent: Count('Of the feed: above this it waits'),
      }),
    ),
    closed: Count('Holdings that a snapshot has closed'),
    progress: Progress,
    failure: Nullable(
      Strict({
        code: Type.String(),
        message: Type.String(),
        line: Type.Optional(Type.Integer({ minimum: 1, description: 'Line of the body' })),
        expected: Type.Optional(Type.String({ description: 'The control total' })),
        found: Type.Optional(Type.String({ description: 'What came' })),
      }),
    ),
    created_at: Instant('When the upload began'),
    started_at: Nullable(Instant('When the first line was judged')),
    finished_at: Nullable(Instant('When it ended')),
    evaluated_at: Nullable(Instant('Of a feed: when all whom it had marked were reviewed')),
  },
  {
    $id: 'Import',
    description:
      'A file of items. `accepted`, `duplicates` and `rejected` add up to `received_lines` at the end',
  },
);

export const ImportOrPlan = Type.Union([Ref(Import), Ref(Plan)], {
  $id: 'ImportOrPlan',
  description: 'The import, or with `dry_run` what would become of it',
});
export const ImportPage = Page(Ref(Import), 'ImportPage');

/** @param now for the rate of one that runs */
export function toImport(row: ImportRow, now: string): Static<typeof Import> {
  const { kind, on_error, on_unknown, dry_run, format, charset, source, state, failure } = row;
  return {
    id: row.id,
    ...{ kind, on_error, on_unknown, dry_run, format, charset, source, state },
    feed: row.feed,
    business_date: row.business_date,
    mode: row.mode,
    delimiter: row.delimiter,
    correction: row.is_correction,
    control_rows: row.control_rows,
    control_amount: row.control_amount,
    plan: row.plan,
    closed: row.closed_rows,
    evaluated_at: row.evaluated_at,
    received_bytes: row.received_bytes,
    received_lines: row.received_lines,
    accepted: row.accepted_rows,
    duplicates: row.duplicate_rows,
    rejected: row.rejected_rows,
    progress: progressOf(row, now),
    failure,
    created_at: row.created_at,
    started_at: row.started_at,
    finished_at: row.finished_at,
  };
}

function progressOf(row: ImportRow, now: string): Static<typeof Progress> {
  const done = row.done_lines;
  const total = row.state === 'receiving' ? null : row.received_lines;
  if (row.started_at === null || total === null) return { done, total, rate: null, eta_seconds: null };
  const seconds = (microsOf(row.finished_at ?? now) - microsOf(row.started_at)) / 1e6;
  const rate = seconds > 0 ? Math.round((done / seconds) * 10) / 10 : null;
  const isOpen = row.state === 'running' && rate !== null && rate > 0;
  return { done, total, rate, eta_seconds: isOpen ? Math.ceil((total - done) / rate) : null };
}
