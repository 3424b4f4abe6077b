/** Writes decided changes, one statement a table, in the order in which all transactions take their locks. */
import { sql } from 'drizzle-orm';
import { array, json, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { newId } from '../platform/ids.js';
import type { Mark } from '../reviews/service.js';
import type { Change } from './changes.js';
import { type CustomerRow, searchableNames } from './fields.js';
import { type NewPrimary, writePrimaries } from './managers.js';
import { foldName, nameTokens } from './name-tokens.js';
import type { Work } from './resolution.js';

type Decided = { work: Work; change: Change };

export async function writeChanges(
  tx: Tx,
  ctx: Ctx,
  decided: readonly Decided[],
  marks: ReadonlyMap<string, Mark>,
): Promise<void> {
  if (decided.length === 0) return;
  const instantOf = (customerId: string) => marks.get(customerId)?.instant ?? ctx.now;
  for (const { change } of decided) change.row = { ...change.row, updated_at: instantOf(change.row.id) };
  await writeRows(
    tx,
    decided.map(({ change, work }) => ({
      ...change.row,
      created_at: work.isNew ? change.row.updated_at : change.row.created_at,
    })),
  );
  await writeStatements(tx, decided);
  await writeIdentifiers(tx, ctx, decided, instantOf);
  await writeContacts(tx, ctx, decided, instantOf);
  await writePrimaries(tx, ctx, decided.filter(changesManager).map(primaryOf(instantOf)));
}

const changesManager = ({ change, work }: Decided) =>
  change.fieldNames.includes('relationship_manager') || (work.isNew && change.row.manager !== null);

/** What a source states of the manager is an assignment of its own, from the instant at which it was said here. */
const primaryOf =
  (instantOf: (customerId: string) => string) =>
  ({ change, work }: Decided): NewPrimary => ({
    customerId: work.customerId,
    staff: change.row.manager,
    at: instantOf(work.customerId),
    until: null,
    source: work.prepared.source,
    reason: null,
    transferId: null,
  });

/** Writes whole rows of customers, with what they are searched by. */
export async function writeRows(tx: Tx, customers: readonly CustomerRow[]): Promise<void> {
  const rows = customers.map((row) => {
    const names = searchableNames(row);
    return { ...row, name_tokens: nameTokens(names), name_folded: names.map(foldName).join(' ') };
  });
  await tx.run(sql`
    insert into customers (id, kind, status, stub, full_name, given_name, family_name, legal_name, short_name, birth_date,
      founding_date, gender, language, city, branch, manager, customer_since, attributes, name_tokens, name_folded,
      version, created_at, updated_at)
    select id, kind, status, stub, full_name, given_name, family_name, legal_name, short_name, birth_date,
      founding_date, gender, language, city, branch, manager, customer_since, attributes, name_tokens, name_folded,
      version, created_at, updated_at
    from jsonb_to_recordset(${json(rows)}) as r(id uuid, kind text, status text, stub boolean, full_name text,
      given_name text, family_name text, legal_name text, short_name text, birth_date date, founding_date date,
      gender text, language text, city text, branch text, manager text, customer_since date, attributes jsonb,
      name_tokens text[], name_folded text, version bigint, created_at timestamptz, updated_at timestamptz)
    order by id
    on conflict (id) do update set kind = excluded.kind, status = excluded.status, stub = excluded.stub,
      full_name = excluded.full_name, given_name = excluded.given_name, family_name = excluded.family_name,
      legal_name = excluded.legal_name, short_name = excluded.short_name, birth_date = excluded.birth_date,
      founding_date = excluded.founding_date, gender = excluded.gender, language = excluded.language,
      city = excluded.city, branch = excluded.branch, manager = excluded.manager,
      customer_since = excluded.customer_since, attributes = excluded.attributes, name_tokens = excluded.name_tokens,
      name_folded = excluded.name_folded, version = excluded.version, updated_at = excluded.updated_at`);
}

/** What each source stated, as it is to be. */
export async function writeStatements(tx: Tx, decided: readonly Decided[]): Promise<void> {
  const rows = decided.flatMap(({ work, change }) =>
    change.statements === undefined
      ? []
      : [
          {
            customer_id: work.customerId,
            origin: work.origin,
            source: work.prepared.source,
            fields: change.statements,
          },
        ],
  );
  const own = rows.filter(({ origin }) => origin === null);
  const merged = rows.filter(({ origin }) => origin !== null);
  if (own.length > 0) {
    await tx.run(sql`
      insert into customer_statements (customer_id, source, fields)
      select customer_id, source, fields from jsonb_to_recordset(${json(own)}) as r(customer_id uuid, source text, fields jsonb)
      order by customer_id, source
      on conflict (customer_id, source) do update set fields = excluded.fields`);
  }
  if (merged.length > 0) {
    await tx.run(sql`
      insert into merged_statements (customer_id, origin_customer_id, source, fields)
      select customer_id, origin, source, fields
      from jsonb_to_recordset(${json(merged)}) as r(customer_id uuid, origin uuid, source text, fields jsonb)
      order by customer_id, origin, source
      on conflict (customer_id, origin_customer_id, source) do update set fields = excluded.fields`);
  }
}

type InstantOf = (customerId: string) => string;

async function writeIdentifiers(
  tx: Tx,
  ctx: Ctx,
  decided: readonly Decided[],
  instantOf: InstantOf,
): Promise<void> {
  const rows = decided.flatMap(({ work }) => work.claimed.map((identifier) => ({ work, identifier })));
  if (rows.length === 0) return;
  const sealed = ({ work, identifier }: (typeof rows)[number]) =>
    identifier.sensitive
      ? ctx.keyring.encrypt(identifier.value, `identifiers:${work.origin ?? work.customerId}`)
      : null;
  const column = <T>(pick: (row: (typeof rows)[number]) => T) => rows.map(pick);
  await tx.run(sql`
    insert into identifiers (customer_id, id, scheme, value_index, value, value_sealed, value_key_id, status, source,
      source_time, recorded_at, origin_customer_id)
    select customer_id, id, scheme, value_index, value, sealed, case when sealed is null then null else ${ctx.keyring.currentKeyId} end,
      'active', source, source_time, recorded_at, origin
    from unnest(${array(
      column(({ work }) => work.customerId),
      'uuid',
    )}, ${array(column(newId), 'uuid')},
      ${array(
        column(({ identifier }) => identifier.scheme),
        'text',
      )}, ${array(
        column(({ identifier }) => identifier.index),
        'text',
      )},
      ${array(
        column(({ identifier }) => (identifier.sensitive ? null : identifier.value)),
        'text',
      )}, ${array(column(sealed), 'bytea')},
      ${array(
        column(({ work }) => work.prepared.source),
        'text',
      )}, ${array(
        column(({ work }) => work.prepared.sourceTime),
        'timestamptz',
      )},
      ${array(
        column(({ work }) => instantOf(work.customerId)),
        'timestamptz',
      )}
      , ${array(
        column(({ work }) => work.origin),
        'uuid',
      )}
    ) as r(customer_id, id, scheme, value_index, value, sealed, source, source_time, recorded_at, origin)
    on conflict (customer_id, scheme, value_index) do update set status = 'active', recorded_at = excluded.recorded_at`);
}

async function writeContacts(
  tx: Tx,
  ctx: Ctx,
  decided: readonly Decided[],
  instantOf: InstantOf,
): Promise<void> {
  const changes = decided.filter(({ change }) => change.contacts !== undefined);
  if (changes.length === 0) return;
  await withdrawContacts(tx, changes);
  const rows = changes.flatMap(({ work, change }) =>
    (change.contacts?.written ?? []).map((one) => ({ work, ...one })),
  );
  if (rows.length === 0) return;
  const column = <T>(pick: (row: (typeof rows)[number]) => T) => rows.map(pick);
  await tx.run(sql`
    insert into contact_points (customer_id, id, kind, label, is_primary, value_index, value_sealed, value_key_id, source,
      source_time, recorded_at, origin_customer_id)
    select customer_id, id, kind, label, is_primary, value_index, sealed, ${ctx.keyring.currentKeyId}, source, source_time,
      recorded_at, origin
    from unnest(${array(
      column(({ work }) => work.customerId),
      'uuid',
    )}, ${array(
      column(({ id }) => id ?? newId()),
      'uuid',
    )},
      ${array(
        column(({ contact }) => contact.kind),
        'text',
      )}, ${array(
        column(({ contact }) => contact.label),
        'text',
      )},
      ${array(
        column(({ contact }) => contact.primary),
        'boolean',
      )}, ${array(
        column(({ contact }) => contact.index),
        'text',
      )},
      ${array(
        column(({ work, contact }) =>
          ctx.keyring.encrypt(contact.plain, `contact_points:${work.origin ?? work.customerId}`),
        ),
        'bytea',
      )},
      ${array(
        column(({ work }) => work.prepared.source),
        'text',
      )}, ${array(
        column(({ work }) => work.prepared.sourceTime),
        'timestamptz',
      )},
      ${array(
        column(({ work }) => instantOf(work.customerId)),
        'timestamptz',
      )}
      , ${array(
        column(({ work }) => work.origin),
        'uuid',
      )}
    ) as r(customer_id, id, kind, label, is_primary, value_index, sealed, source, source_time, recorded_at, origin)
    on conflict (customer_id, kind, value_index) do update set label = excluded.label, is_primary = excluded.is_primary`);
}

/** Removes those that are stated no longer, and takes the first place where another has it now. */
async function withdrawContacts(tx: Tx, changes: readonly Decided[]): Promise<void> {
  const pairs = (pick: (change: Change) => string[] | undefined) =>
    changes.flatMap(({ work, change }) =>
      (pick(change) ?? []).map((id) => ({ customerId: work.customerId, id })),
    );
  const removed = pairs((change) => change.contacts?.removed);
  const demoted = pairs((change) => change.contacts?.demoted);
  const at = (list: typeof removed) =>
    sql`unnest(${array(
      list.map((one) => one.customerId),
      'uuid',
    )}, ${array(
      list.map((one) => one.id),
      'uuid',
    )}) as r(customer_id, id)`;
  if (removed.length > 0) {
    await tx.run(
      sql`delete from contact_points c using ${at(removed)} where c.customer_id = r.customer_id and c.id = r.id`,
    );
  }
  if (demoted.length > 0) {
    await tx.run(sql`update contact_points c set is_primary = false from ${at(demoted)}
      where c.customer_id = r.customer_id and c.id = r.id`);
  }
}
