/**
 * One PostgreSQL for the whole run: the one of DATABASE_URL, else a container where a Docker engine answers, else
 * the embedded one. A migrated template database is made there; each test file clones it.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '../../src/platform/embedded.js';
import { createLog } from '../../src/platform/log.js';
import { migrateDatabase } from '../../src/platform/migrate.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** a database of the server from which others can be made */
    adminUrl: string;
    /** the migrated database to clone */
    template: string;
  }
}

type Server = { url: string; stop(): Promise<void> };

export default async function setup(project: TestProject) {
  const server = await openServer();
  const template = `clientele_test_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query(
    `create database ${template} template template0 encoding 'UTF8' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8'`,
  );
  await admin.end();
  await migrateDatabase(withDatabase(server.url, template));
  await dropCatalogue(withDatabase(server.url, template));
  project.provide('adminUrl', server.url);
  project.provide('template', template);
  return async () => {
    const last = new pg.Client({ connectionString: server.url });
    await last.connect();
    const { rows } = await last.query<{ datname: string }>(
      'select datname from pg_database where datname like $1',
      [`${template}%`],
    );
    for (const { datname } of rows) await last.query(`drop database ${datname} with (force)`);
    await last.end();
    await server.stop();
  };
}

/** Tests begin with the three segments of the first migration: the others have a test of their own. */
async function dropCatalogue(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const kept = `('high_net_worth', 'new', 'ordinary')`;
  await client.query(`delete from segment_versions where segment not in ${kept}`);
  await client.query(`delete from segments where key not in ${kept}`);
  await client.end();
}

export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.toString();
}

async function openServer(): Promise<Server> {
  const given = process.env.DATABASE_URL;
  if (given !== undefined && given !== '') return { url: given, stop: async () => undefined };
  return (await startContainer()) ?? startOwn();
}

async function startContainer(): Promise<Server | undefined> {
  if (process.env.TEST_EMBEDDED !== undefined) return undefined;
  try {
    const { GenericContainer, getContainerRuntimeClient } = await import('testcontainers');
    await getContainerRuntimeClient();
    const container = await new GenericContainer('postgres:18')
      .withEnvironment({
        POSTGRES_PASSWORD: 'test',
        POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C.UTF-8',
      })
      .withExposedPorts(5432)
      .start();
    const url = `postgres://postgres:test@${container.getHost()}:${container.getMappedPort(5432)}/postgres`;
    return { url, stop: async () => void (await container.stop()) };
  } catch {
    // no Docker engine answers: the embedded server does as well
    return undefined;
  }
}

async function startOwn(): Promise<Server> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'clientele-test-'));
  const embedded = await startEmbedded({ dataDir, port: 0, log: createLog('error') });
  return {
    url: embedded.url,
    stop: async () => {
      await embedded.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
