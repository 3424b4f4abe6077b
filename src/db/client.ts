/**
 * The connection to PostgreSQL. Statements are written with drizzle's `sql` and run through pg, so that instants
 * come back as RFC 3339 with all their microseconds, money as decimal strings, and hot statements by name.
 */
import { once } from 'node:events';
import { type SQL, sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import pg from 'pg';

/** What a read needs. Rows carry the names that the statement gives. */
export type Reader = {
  rows<T>(query: SQL): Promise<T[]>;
  /** A statement that each connection prepares once: for hot paths. `name` stands for `text` for ever. */
  named<T>(name: string, text: string, values: unknown[]): Promise<T[]>;
};

/** A transaction. Only `transact` makes one. */
export type Tx = Reader & {
  /** How many rows a statement changed. */
  run(query: SQL): Promise<number>;
  /** A statement over everybody, in the background, may take longer than those of requests. */
  rowsWithin<T>(seconds: number, query: SQL): Promise<T[]>;
  /** The connection itself, for COPY and cursors. */
  readonly client: pg.PoolClient;
};

export type Database = Reader & {
  readonly pool: pg.Pool;
  /** BEGIN, work, COMMIT; ROLLBACK when the work throws. */
  begin<T>(work: (tx: Tx) => Promise<T>, isolation?: 'repeatable read read only'): Promise<T>;
  /** Throws where the server does not answer. It has a connection of its own: a busy pool is not a server that is away. */
  ping(): Promise<void>;
  close(): Promise<void>;
};

export type DatabaseOptions = {
  url: string;
  poolSize: number;
  applicationName: string;
  statementTimeoutSeconds: number;
  lockTimeoutSeconds: number;
  poolTimeoutSeconds: number;
  /** a black-holed link answers nothing, so the server's own time-out is never heard */
  queryTimeoutSeconds: number;
  /** told of errors on idle connections: they are replaced by themselves */
  onError: (error: Error) => void;
};

const dialect = new PgDialect();

const parsers = new pg.TypeOverrides();
const rfc3339 = (text: string) => `${text.slice(0, 10)}T${text.slice(11).replace(/\+00$/, 'Z')}`;
parsers.setTypeParser(pg.types.builtins.TIMESTAMPTZ, rfc3339);
parsers.setTypeParser(pg.types.builtins.DATE, (text) => text);
parsers.setTypeParser(pg.types.builtins.NUMERIC, (text) => text);
parsers.setTypeParser(pg.types.builtins.INT8, Number);

type Queryable = Pick<pg.PoolClient, 'query'>;

function readerOf(target: Queryable): Reader {
  return {
    async rows<T>(query: SQL) {
      const { sql: text, params } = dialect.sqlToQuery(query);
      return (await target.query({ text, values: params })).rows as T[];
    },
    async named<T>(name: string, text: string, values: unknown[]) {
      return (await target.query({ name, text, values })).rows as T[];
    },
  };
}

function transactionOf(client: pg.PoolClient): Tx {
  return {
    ...readerOf(client),
    async run(query) {
      const { sql: text, params } = dialect.sqlToQuery(query);
      return (await client.query({ text, values: params })).rowCount ?? 0;
    },
    async rowsWithin<T>(seconds: number, query: SQL) {
      const { sql: text, params } = dialect.sqlToQuery(query);
      await client.query(`set local statement_timeout = '${seconds}s'`);
      const patient = { text, values: params, query_timeout: (seconds + 5) * 1000 };
      return (await client.query(patient)).rows as T[];
    },
    client,
  };
}

export function openDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.poolTimeoutSeconds * 1000,
    statement_timeout: options.statementTimeoutSeconds * 1000,
    lock_timeout: options.lockTimeoutSeconds * 1000,
    query_timeout: options.queryTimeoutSeconds * 1000,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    // compiling a large plan takes longer than running it on a bounded batch
    options: '-c TimeZone=UTC -c jit=off',
    types: parsers,
  });
  pool.on('error', options.onError);

  const begin: Database['begin'] = async (work, isolation) => {
    const client = await pool.connect();
    let broken: Error | undefined;
    client.on('error', options.onError);
    try {
      await client.query(
        isolation === undefined ? 'BEGIN' : `BEGIN ISOLATION LEVEL ${isolation.toUpperCase()}`,
      );
      const value = await work(transactionOf(client));
      await client.query('COMMIT');
      return value;
    } catch (error) {
      // a connection that does not answer, or cannot even roll back, is thrown away: the server rolls back when it sees it gone
      if (isReadTimeout(error)) broken = error;
      else {
        await client.query('ROLLBACK').catch((failure: Error) => {
          broken = failure;
        });
      }
      throw error;
    } finally {
      client.off('error', options.onError);
      client.release(broken);
    }
  };

  const probe = probeOf(options);
  const closeUsed = closerOf(pool);
  const close = async () => {
    await Promise.all([closeUsed(), probe.end()]);
  };
  return {
    ...readerOf(pool),
    pool,
    begin,
    ping: async () => void (await probe.query('select 1')),
    close,
  };
}

/** pg's own, after `query_timeout`: it has no code. */
const isReadTimeout = (error: unknown): error is Error =>
  error instanceof Error && error.message === 'Query read timeout';

const probeMilliseconds = 2000;

/** One connection, made when it is first needed. */
function probeOf(options: DatabaseOptions): pg.Pool {
  const probe = new pg.Pool({
    connectionString: options.url,
    max: 1,
    application_name: `${options.applicationName} probe`,
    connectionTimeoutMillis: probeMilliseconds,
    query_timeout: probeMilliseconds,
    keepAlive: true,
  });
  probe.on('error', options.onError);
  return probe;
}

/** A pool has ended before its connections have: who stops the server at that moment would cut them off. */
function closerOf(pool: pg.Pool): () => Promise<void> {
  let open = 0;
  pool.on('connect', () => {
    open += 1;
  });
  pool.on('remove', () => {
    open -= 1;
  });
  return async () => {
    await pool.end();
    const patience = AbortSignal.timeout(1000);
    while (open > 0 && !patience.aborted) await once(pool, 'remove', { signal: patience }).catch(() => {});
  };
}

/** A jsonb parameter. */
export const json = (value: unknown): SQL => sql`${JSON.stringify(value)}::jsonb`;

type ArrayType =
  | 'uuid'
  | 'text'
  | 'bytea'
  | 'bigint'
  | 'integer'
  | 'numeric'
  | 'date'
  | 'timestamptz'
  | 'boolean'
  | 'jsonb';

/** One array parameter, whatever its length. */
export const array = (values: readonly unknown[], type: ArrayType): SQL =>
  sql`${sql.param(values)}::${sql.raw(type)}[]`;

/** The text and values of a query, for `named` statements whose text is built once. */
export const compileQuery = (query: SQL) => dialect.sqlToQuery(query);
