/** What a condition may ask of a single activity, and compare. Attributes are undeclared: the value gives their type. */
import { type SQL, sql } from 'drizzle-orm';
import { activities } from '../db/tables/activities.js';
import { channels } from '../platform/channels.js';
import type { ActivityPart } from './picture.js';
import type { ActivityFilter } from './schema.js';
import { type FactValue, holds, holdsSql, type ValueType } from './values.js';

export type ActivityField = {
  type: ValueType;
  sql: SQL;
  value: (activity: ActivityPart) => FactValue | null;
  values?: readonly string[];
  /** may be counted by its distinct values */
  countable: boolean;
};

const directions = ['in', 'out', 'none'];
const initiators = ['customer', 'bank', 'third_party'];

export const activityFields: ReadonlyMap<string, ActivityField> = new Map<string, ActivityField>([
  [
    'amount',
    {
      type: 'money',
      sql: sql`${activities.reportingAmount}`,
      value: (of) => of.reporting_amount,
      countable: false,
    },
  ],
  [
    'business_date',
    {
      type: 'date',
      sql: sql`to_char(${activities.businessDate}, 'YYYY-MM-DD')`,
      value: (of) => of.business_date,
      countable: true,
    },
  ],
  [
    'channel',
    {
      type: 'text',
      sql: sql`${activities.channel}`,
      value: (of) => of.channel,
      values: channels,
      countable: true,
    },
  ],
  [
    'currency',
    { type: 'text', sql: sql`${activities.currency}`, value: (of) => of.currency, countable: true },
  ],
  [
    'direction',
    {
      type: 'text',
      sql: sql`${activities.direction}`,
      value: (of) => of.direction,
      values: directions,
      countable: true,
    },
  ],
  [
    'holding_id',
    { type: 'text', sql: sql`${activities.holdingId}::text`, value: (of) => of.holding_id, countable: true },
  ],
  [
    'initiated_by',
    {
      type: 'text',
      sql: sql`${activities.initiatedBy}`,
      value: (of) => of.initiated_by,
      values: initiators,
      countable: true,
    },
  ],
  [
    'own_transfer',
    {
      type: 'boolean',
      sql: sql`${activities.ownTransfer}`,
      value: (of) => of.own_transfer,
      countable: false,
    },
  ],
  ['source', { type: 'text', sql: sql`${activities.source}`, value: (of) => of.source, countable: true }],
  ['type', { type: 'text', sql: sql`${activities.type}`, value: (of) => of.type, countable: true }],
]);

const attributeName = /^attributes\.([a-z][a-z0-9_]{0,62})$/;
const jsonTypes = { text: 'string', number: 'number', boolean: 'boolean' } as const;

/** The field of a filter; of attributes, as the type that the filter's value has. */
export function fieldOf(name: string, sample: unknown): ActivityField | undefined {
  const attribute = attributeName.exec(name)?.[1];
  if (attribute === undefined) return activityFields.get(name);
  const first = Array.isArray(sample) ? sample[0] : sample;
  if (typeof first === 'number') return attributeField(attribute, 'number', sql.raw('numeric'));
  if (typeof first === 'boolean') return attributeField(attribute, 'boolean', sql.raw('boolean'));
  return first === undefined ? anyAttribute(attribute) : attributeField(attribute, 'text', sql.raw('text'));
}

function attributeField(name: string, type: keyof typeof jsonTypes, sqlType: SQL): ActivityField {
  const json = jsonTypes[type];
  return {
    type,
    sql: sql`(case when jsonb_typeof(${activities.attributes} -> ${name}::text) = ${sql.raw(`'${json}'`)} then (${activities.attributes} ->> ${name}::text)::${sqlType} end)`,
    value: ({ attributes }) => {
      const value = attributes?.[name];
      return typeof value === json ? (value as FactValue) : null;
    },
    countable: false,
  };
}

/** For presence and distinct values, whatever their type. */
function anyAttribute(name: string): ActivityField {
  const value = sql`${activities.attributes} -> ${name}::text`;
  return {
    type: 'presence',
    sql: sql`(case when jsonb_typeof(${value}) in ('string', 'number', 'boolean') then ${value} end)`,
    value: ({ attributes }) => {
      const value = attributes?.[name];
      return ['string', 'number', 'boolean'].includes(typeof value) ? (value as FactValue) : null;
    },
    countable: true,
  };
}

function knownField(filter: ActivityFilter): ActivityField {
  const field = fieldOf(filter.field, filter.value);
  if (field === undefined) throw new Error(`no field ${filter.field}`);
  return field;
}

export const passes = (activity: ActivityPart, filters: readonly ActivityFilter[]): boolean =>
  filters.every((filter) => {
    const field = knownField(filter);
    return holds(field.type, field.value(activity), filter);
  });

export const passesSql = (filters: readonly ActivityFilter[]): SQL[] =>
  filters.map((filter) => {
    const field = knownField(filter);
    return holdsSql(field.type, field.sql, filter);
  });
