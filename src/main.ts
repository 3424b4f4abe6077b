/** The commands. This is the only file that exits or reads signals. */
import { ConfigError, configurationTable, loadConfig } from './config.js';
import { createLog, describeError } from './platform/log.js';
import { type Running, runApi, runStart, runWorker } from './processes.js';
import { distributeOnly, migrateOnly, printOpenApi } from './tools.js';

const usage = `usage: node dist/main.js <command>

  start                the whole service: database, migrations, API and worker
  api | worker         one part of it, beside others on the same database
  migrate              brings the database to the newest schema
  distribute           spreads a database with the citus extension over its machines
  openapi              prints the OpenAPI document
  configuration-table  prints the table of environment variables`;

type Command = (
  config: ReturnType<typeof loadConfig>,
  log: ReturnType<typeof createLog>,
) => Promise<Running | undefined>;

const commands: Record<string, Command> = {
  start: runStart,
  api: runApi,
  worker: runWorker,
  migrate: migrateOnly,
  distribute: distributeOnly,
  openapi: printOpenApi,
  'configuration-table': async () => {
    console.log(configurationTable());
    return undefined;
  },
};

async function main(): Promise<void> {
  const command = commands[process.argv[2] ?? ''];
  if (command === undefined) {
    console.error(usage);
    process.exitCode = 64;
    return;
  }
  const config = loadConfig(process.env);
  const log = createLog(config.logLevel);
  let signals = 0;
  let running: Running | undefined;
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    (running?.stop() ?? Promise.resolve()).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'the shutdown failed');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      signals += 1;
      // whoever asks twice does not want to wait for requests that are under way
      if (signals > 2) process.exit(130);
      if (running !== undefined) stop();
    });
  }
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'something was rejected that nobody handled');
    process.exitCode = 1;
    stop();
  });
  running = await command(config, log);
  if (running !== undefined && signals > 0) stop();
}

main().catch((error: unknown) => {
  // what the operator can mend is one line; the rest is described without the values that it may hold
  const isPlain = error instanceof ConfigError || (error instanceof Error && !('code' in error));
  console.error(`clientele: ${isPlain ? (error as Error).message : 'the start failed'}`);
  if (!isPlain) console.error(JSON.stringify(describeError(error)));
  process.exit(1);
});
