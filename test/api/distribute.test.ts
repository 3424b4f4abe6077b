/**
 * Spreading over a cluster. No Citus is at hand here, so its two functions are stood in for: they note what was placed,
 * and refuse what Citus refuses. The tables, their keys and the statements are the real ones.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { placedTables } from '../../src/db/placement.js';
import { distributeDatabase, placeTables } from '../../src/platform/distribute.js';
import { cloneDatabase, type TestDatabase } from '../support/database.js';

let d: TestDatabase;
let client: pg.Client;
let keysBefore: unknown[];

const foreignKeys = async () =>
  (
    await client.query(
      `select conrelid::regclass::text as table, conname, pg_get_constraintdef(oid) as text, convalidated
       from pg_constraint where contype = 'f' and conparentid = 0 order by 1, 2`,
    )
  ).rows;

const standIn = `
  create table pg_dist_partition (logicalrelid regclass primary key, partmethod "char", partkey text, colocated text);
  create function refuse_keys(t regclass) returns void language plpgsql as $$
  declare k record;
  begin
    for k in select conname, conrelid, confrelid from pg_constraint where contype = 'f' and conrelid = t loop
      if not exists (select from pg_dist_partition where logicalrelid = k.confrelid) then
        raise 'foreign key % leads to a table that is not distributed', k.conname;
      end if;
    end loop;
    for k in select conname from pg_constraint where contype = 'f' and confrelid = t and conrelid <> t loop
      raise 'foreign key % leads here from a table that is not distributed yet', k.conname;
    end loop;
  end $$;
  create function create_reference_table(t regclass) returns void language plpgsql as $$
  begin perform refuse_keys(t); insert into pg_dist_partition values (t, 'n', null, null); end $$;
  create function create_distributed_table(t regclass, k text, colocate_with text) returns void language plpgsql as $$
  begin
    if exists (select from pg_index x where x.indrelid = t and x.indisunique and not exists (
      select from pg_attribute a where a.attrelid = t and a.attname = k and a.attnum = any(x.indkey))) then
      raise 'cannot create constraint on %: the distribution column % is not in it', t, k;
    end if;
    if colocate_with <> 'none' and not exists (select from pg_dist_partition where logicalrelid = colocate_with::regclass) then
      raise '% is not distributed', colocate_with;
    end if;
    perform refuse_keys(t);
    insert into pg_dist_partition values (t, 'h', k, colocate_with);
  end $$;`;

beforeAll(async () => {
  d = await cloneDatabase();
  client = new pg.Client({ connectionString: d.url });
  await client.connect();
  keysBefore = await foreignKeys();
});
afterAll(async () => {
  await client.end();
  await d.drop();
});

describe('distributing', () => {
  test('is refused where there is no Citus', async () => {
    await expect(distributeDatabase(d.url)).rejects.toThrow('no extension citus');
  });

  test('places every table but the local ones, and puts every foreign key back', async () => {
    await client.query(standIn);
    expect(keysBefore.length).toBeGreaterThan(5);
    await placeTables(client);
    const { rows } = await client.query(
      'select logicalrelid::text as name, partmethod, partkey, colocated from pg_dist_partition',
    );
    const wanted = placedTables()
      .filter(({ placement }) => placement.kind !== 'local')
      .map(({ name, placement }) => ({
        name,
        partmethod: placement.kind === 'reference' ? 'n' : 'h',
        partkey: 'column' in placement ? placement.column : null,
        colocated:
          placement.kind === 'reference'
            ? null
            : placement.kind === 'key' || name === 'customers'
              ? 'none'
              : 'customers',
      }));
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    expect(rows.sort(byName)).toEqual(wanted.sort(byName));
    expect(await foreignKeys()).toEqual(keysBefore);
  });

  test('has nothing to do when it is run again', async () => {
    expect(await placeTables(client)).toEqual([]);
  });

  test('goes on where it was cut off, after each statement', async () => {
    const all = await statementsFromTheBeginning();
    for (let done = 0; done < all.length; done += 1) {
      await backToOne();
      for (const statement of all.slice(0, done)) await client.query(statement);
      await placeTables(client);
      expect(await foreignKeys(), `cut off before ${all[done]}`).toEqual(keysBefore);
      expect(await placeTables(client)).toEqual([]);
    }
  });
});

const backToOne = () => client.query('truncate pg_dist_partition');

async function statementsFromTheBeginning(): Promise<string[]> {
  await backToOne();
  return placeTables(client);
}
