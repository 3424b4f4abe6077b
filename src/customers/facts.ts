/**
 * What rules may ask of a customer's own data. Age and tenure are whole years and days of the bank's calendar:
 * someone born on 29 February is a year older on 28 February of a year without one, as all months are clamped.
 * Tenure runs from the day a source states, else from the first opening of a holding that the customer owns,
 * alone or jointly; before that day it is missing.
 */
import { type SQL, sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { customers, identifiers, relationships } from '../db/tables/customers.js';
import { holdingParties, holdings } from '../db/tables/holdings.js';
import type { Fact } from '../rules/facts.js';
import type { Moment } from '../rules/moment.js';
import type { CustomerPart, CustomerPicture } from '../rules/picture.js';
import type { Frame, Source } from '../rules/statement.js';
import { touchNames } from '../rules/touches.js';
import type { FactValue, ValueType } from '../rules/values.js';

/** What the bank has declared, each of which is a fact of its own. */
export type Declared = {
  attributes: readonly { name: string; description: string; json_schema: unknown }[];
  schemes: readonly { key: string; name: string }[];
  roles: readonly { role: string; name: string }[];
};

const touchedBy = [touchNames.customer];

type Column = 'kind' | 'status' | 'stub' | 'branch' | 'city' | 'language' | 'gender';

const column = (name: Column, description: string, values?: readonly string[]): Fact => ({
  name,
  type: name === 'stub' ? 'boolean' : 'text',
  description,
  ...(values === undefined ? {} : { values }),
  touchedBy,
  sql: () => sql`${customers[name]}`,
  value: ({ customer }) => customer[name],
});

const columns = [
  column('kind', 'person or organization', ['person', 'organization']),
  column('status', 'Life of the relationship', [
    'prospect',
    'active',
    'restricted',
    'closed',
    'deceased',
    'merged',
    'erased',
  ]),
  column('stub', 'Known only because an activity or a holding named it'),
  column('branch', 'Key of the branch that keeps the customer'),
  column('city', 'City of residence or seat'),
  column('language', 'Preferred language, BCP 47'),
  column('gender', 'As a source states it', ['female', 'male', 'other']),
];

const birthday = (birthDate: string, years: number) => Temporal.PlainDate.from(birthDate).add({ years });

function yearsSince({ birth_date: birthDate }: CustomerPart, { today }: Moment): number | null {
  if (birthDate === null || birthDate > today) return null;
  const years = Number(today.slice(0, 4)) - Number(birthDate.slice(0, 4));
  return birthday(birthDate, years).toString() > today ? years - 1 : years;
}

const birthdaySql = (years: SQL) => sql`(${customers.birthDate} + make_interval(years => ${years}))::date`;

function yearsSinceSql({ moment: { today } }: Frame): SQL {
  const years = sql`(${Number(today.slice(0, 4))}::integer - extract(year from ${customers.birthDate})::integer)`;
  return sql`(case when ${customers.birthDate} > ${today}::date then null
    when ${birthdaySql(years)} > ${today}::date then ${years} - 1 else ${years} end)`;
}

const age: Fact = {
  name: 'age_years',
  type: 'integer',
  unit: 'years',
  description: 'Age of a person in full years; missing without a date of birth',
  touchedBy,
  sql: yearsSinceSql,
  value: ({ customer }, moment) => yearsSince(customer, moment),
  passing: {
    kind: 'reaches',
    atMost: 200,
    sql: (_frame, n) => birthdaySql(n),
    value: ({ customer }, _moment, n) =>
      customer.birth_date === null ? null : birthday(customer.birth_date, n).toString(),
  },
};

const owning = ['primary_owner', 'joint_owner'];

/** Looked at where no source states the start. */
const openings: Source = {
  name: 'openings',
  customerId: sql`${holdingParties.customerId}`,
  rows: () => sql`from ${holdingParties}
    join ${holdings} on ${holdings.customerId} = ${holdingParties.ownerId} and ${holdings.id} = ${holdingParties.holdingId}
    where ${holdingParties.role} in ('primary_owner', 'joint_owner')`,
  gate: sql`${customers.customerSince} is null`,
};

const sinceSql = (frame: Frame) =>
  sql`coalesce(${customers.customerSince}, ${frame.column(openings, 'first', () => sql`min(${holdings.openedOn})`)})`;

function sinceOf({ customer, parties }: CustomerPicture): string | null {
  if (customer.customer_since !== null) return customer.customer_since;
  const opened = parties.filter((party) => owning.includes(party.role)).map((party) => party.opened_on);
  return opened.filter((day) => day !== null).sort()[0] ?? null;
}

const tenure: Fact = {
  name: 'tenure_days',
  type: 'integer',
  unit: 'days',
  description:
    'Days since the relationship began: the stated day, else the first opening of an owned holding',
  touchedBy: [touchNames.customer, touchNames.holdings],
  sql: (frame) =>
    sql`(case when ${sinceSql(frame)} <= ${frame.moment.today}::date then ${frame.moment.today}::date - ${sinceSql(frame)} end)`,
  value: (picture, { today }) => {
    const since = sinceOf(picture);
    if (since === null || since > today) return null;
    return Temporal.PlainDate.from(since).until(today).days;
  },
  passing: {
    kind: 'reaches',
    atMost: 100_000,
    sql: (frame, n) => sql`(${sinceSql(frame)} + ${n})`,
    value: (picture, _moment, n) => {
      const since = sinceOf(picture);
      return since === null ? null : Temporal.PlainDate.from(since).add({ days: n }).toString();
    },
  },
};

const activeIdentifiers: Source = {
  name: 'identifiers',
  customerId: sql`${identifiers.customerId}`,
  rows: () => sql`from ${identifiers} where ${identifiers.status} = 'active'`,
};

const identifier = ({ key, name }: Declared['schemes'][number]): Fact => ({
  name: `identifiers.${key}`,
  type: 'presence',
  description: `Whether one is known: ${name}`,
  touchedBy: [touchNames.identifiers],
  sql: (frame) =>
    frame.column(
      activeIdentifiers,
      key,
      () => sql`max(${identifiers.scheme}) filter (where ${identifiers.scheme} = ${key})`,
    ),
  value: (picture) =>
    picture.identifiers.some((each) => each.scheme === key && each.status === 'active') ? true : null,
});

const allRelationships: Source = {
  name: 'relationships',
  customerId: sql`${relationships.customerId}`,
  rows: () => sql`from ${relationships} where true`,
};

/** In force from its first day up to, and without, the day on which it ends. */
function relationship({ role, name }: Declared['roles'][number]): Fact {
  const { startsOn, endsOn } = relationships;
  const ofRole = sql`${relationships.role} = ${role}`;
  return {
    name: `relationships.${role}`,
    type: 'integer',
    unit: 'customers',
    description: `How many other customers are in this role to the customer today: ${name}`,
    touchedBy: [touchNames.relationships],
    sql: (frame) =>
      frame.count(
        allRelationships,
        `${role} today`,
        () => sql`count(*) filter (where ${ofRole} and coalesce(${startsOn} <= ${frame.moment.today}::date, true)
          and coalesce(${endsOn} > ${frame.moment.today}::date, true))`,
      ),
    value: (picture, { today }) =>
      picture.relationships.filter(
        (each) =>
          each.role === role &&
          (each.starts_on === null || each.starts_on <= today) &&
          (each.ends_on === null || each.ends_on > today),
      ).length,
    passing: {
      kind: 'day',
      sql: (frame) => {
        const later = (day: SQL) =>
          sql`min(${day}) filter (where ${ofRole} and ${day} > ${frame.moment.today}::date)`;
        const starts = frame.column(allRelationships, `${role} starts`, () => later(sql`${startsOn}`));
        const ends = frame.column(allRelationships, `${role} ends`, () => later(sql`${endsOn}`));
        return sql`least(${starts}, ${ends})`;
      },
      value: (picture, { today }) => {
        const days = picture.relationships
          .filter((each) => each.role === role)
          .flatMap((each) => [each.starts_on, each.ends_on]);
        return days.filter((day) => day !== null && day > today).sort()[0] ?? null;
      },
    },
  };
}

/** The attributes whose JSON Schema gives them one type that rules can compare; the rest are no facts. */
function attribute({ name, description, json_schema: schema }: Declared['attributes'][number]): Fact[] {
  const type = attributeType(schema);
  if (type === undefined) return [];
  const { check, json, sqlType } = attributeTypes[type];
  const values = (schema as { enum?: unknown[] }).enum?.filter((each) => typeof each === 'string');
  const stored = sql`${customers.attributes} -> ${name}::text`;
  const text = sql`(${customers.attributes} ->> ${name}::text)`;
  // a value from before a change of its schema may have another type: it is missing then, not an error
  const fits = sql`jsonb_typeof(${stored}) = ${sql.raw(`'${json}'`)}`;
  const shape = type === 'date' ? sql` and ${text} ~ ${isoDate.source}` : sql``;
  return [
    {
      name: `attributes.${name}`,
      type,
      description,
      ...(values === undefined || type !== 'text' ? {} : { values }),
      touchedBy,
      sql: () => sql`(case when ${fits}${shape} then ${text}::${sql.raw(sqlType)} end)`,
      value: ({ customer }) => {
        const value = customer.attributes[name];
        return check(value) ? (value as FactValue) : null;
      },
    },
  ];
}

const isoDate = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;

type AttributeType = Extract<ValueType, 'text' | 'number' | 'integer' | 'boolean' | 'date'>;

const attributeTypes: Record<
  AttributeType,
  { json: string; sqlType: string; check: (value: unknown) => boolean }
> = {
  text: { json: 'string', sqlType: 'text', check: (value) => typeof value === 'string' },
  date: {
    json: 'string',
    sqlType: 'text',
    check: (value) => typeof value === 'string' && isoDate.test(value),
  },
  number: { json: 'number', sqlType: 'numeric', check: (value) => typeof value === 'number' },
  integer: { json: 'number', sqlType: 'numeric', check: (value) => typeof value === 'number' },
  boolean: { json: 'boolean', sqlType: 'boolean', check: (value) => typeof value === 'boolean' },
};

function attributeType(schema: unknown): AttributeType | undefined {
  const { type, format } = schema as { type?: unknown; format?: unknown };
  const types = [type].flat().filter((each) => each !== 'null');
  if (types.length !== 1) return undefined;
  if (types[0] === 'string') return format === 'date' ? 'date' : 'text';
  return types[0] === 'number' || types[0] === 'integer' || types[0] === 'boolean' ? types[0] : undefined;
}

export const customerFacts = (declared: Declared): Fact[] => [
  ...columns,
  age,
  tenure,
  ...declared.attributes.flatMap(attribute),
  ...declared.schemes.map(identifier),
  ...declared.roles.map(relationship),
];
