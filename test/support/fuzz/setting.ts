/** The service, a world in it, and those who ask: what every fuzz test begins with. */
import document from '../../../openapi/openapi.json' with { type: 'json' };
import { startTestApp, type TestApp, type TestOptions } from '../app.js';
import type { OpenApi } from '../contract.js';
import { stateReader } from './database-state.js';
import { type Exchange, openExchange } from './exchange.js';
import { type FuzzOperation, operationsOf } from './operations.js';
import { aFuzzWorld, type FuzzWorld } from './world.js';

export const openApi = document as unknown as OpenApi;
export const operations: FuzzOperation[] = operationsOf(openApi);

export type Setting = { t: TestApp; world: FuzzWorld; exchange: Exchange; stop(): Promise<void> };

export async function startSetting(options: TestOptions = {}): Promise<Setting> {
  const t = await startTestApp(options);
  const world = await aFuzzWorld(t, openApi);
  const exchange = await openExchange({
    origin: t.origin,
    secrets: world.callers.map(({ secret }) => secret ?? ''),
    readState: await stateReader(t.database.pool),
  });
  return {
    t,
    world,
    exchange,
    async stop() {
      exchange.close();
      await t.stop();
    },
  };
}
