/**
 * A bank that is large enough to look at plans: 5,000 branches in a tree of four levels, a million customers, a book of
 * 200 for each of 5,000, and one of 100,000. Written straight into the tables: it is the shape that counts.
 */
import { idSql } from './ids.js';

const since = `'2024-01-01T00:00:00Z'::timestamptz`;

/** Statements in order. The branches of region 10 came last, and so did their customers; region 9 has none at all. */
export const fillStatements = (customers: number, branches: number): string[] => [
  // what no list by scope reads, and would take most of the time
  'drop index customers_name_tokens_idx, customers_name_folded_idx, customers_attributes_idx',
  `insert into branches (code, name, kind, parent, opens_on, version, updated_at) values
    ('HO', 'Head office', 'head_office', null, '2000-01-01', 1, ${since})`,
  `insert into branches (code, name, kind, parent, opens_on, version, updated_at)
    select 'R' || n, 'Region', 'region', 'HO', '2000-01-01', 1, ${since} from generate_series(1, 10) n`,
  `insert into branches (code, name, kind, parent, opens_on, version, updated_at)
    select 'A' || n, 'Area', 'area', 'R' || (n % 10 + 1), '2000-01-01', 1, ${since} from generate_series(1, 100) n`,
  `insert into branches (code, name, kind, parent, opens_on, version, updated_at)
    select 'B' || n, 'Branch', 'branch', 'A' || (n % 100 + 1), '2000-01-01', 1, ${since}
    from generate_series(1, ${branches - 111}) n`,
  // every hundredth has closed in favour of its neighbour, whose region is another one
  `update branches set closes_on = '2026-01-01', successor = 'B' || (substr(code, 2)::int + 1)
    where code like 'B%' and substr(code, 2)::int % 100 = 0`,
  'insert into organization_state (id, version) values (1, 1)',
  `create unlogged table codes as
    select b.code, row_number() over () - 1 as n from branches b join branches a on a.code = b.parent
    where b.kind = 'branch' and a.parent not in ('R9', 'R10')`,
  `create unlogged table late_codes as
    select b.code, row_number() over () - 1 as n from branches b join branches a on a.code = b.parent
    where b.kind = 'branch' and a.parent = 'R10'`,
  `insert into customers (id, kind, status, stub, full_name, branch, manager, name_tokens, name_folded, version, created_at, updated_at)
    select ${idSql('i')}, 'person', 'active', false, 'Customer', coalesce(l.code, c.code),
      case when i > ${customers} * 0.97 and i % 3 = 0 then 'LATE' when i % 10 = 0 then 'POOL' else 'RM' || (i % 5000) end, '{}', '', 1, ${since}, ${since}
    from generate_series(1, ${customers}) i
    left join codes c on i <= ${customers} * 0.95 and c.n = i % (select count(*) from codes)
    left join late_codes l on i > ${customers} * 0.95 and l.n = i % (select count(*) from late_codes)`,
  `insert into assignments (customer_id, id, staff, role, starts_at, assigned_by, recorded_at, version)
    select id, id, manager, 'primary', created_at, 'bench', created_at, 1 from customers order by id`,
  `insert into review_state (customer_id, bucket, version, last_micros, marked_at, touched)
    select id, 0, 1, 1, ${since}, '{}' from customers order by id desc limit 20000`,
  `insert into segments (key, name, description, kind, version, created_at, updated_at)
    values ('all', 'All', '', 'rule', 1, ${since}, ${since}) on conflict do nothing`,
  `insert into memberships (customer_id, segment, entered_at, decided_at, rule_version, cause)
    select id, 'all', created_at, created_at, 1, 'change' from customers order by id`,
  `insert into outbox (id, type, subject, subject_version, occurred_at, scope_customer, scope_branch, scope_manager, scope_staff, data, sequence)
    select id, 'customer.created', id::text, 1, created_at, id, branch, manager, array[manager], '{}', row_number() over (order by id)
    from (select * from customers order by id limit 200000) c`,
  'insert into outbox_head (id, sequence) values (1, 200000) on conflict (id) do update set sequence = excluded.sequence',
  'vacuum analyze',
];
