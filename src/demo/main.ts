/** `npm run demo`: fills a running service, through its public API, with a bank that does not exist. */
import { parseArgs } from 'node:util';
import { openApi } from './client.js';
import { today } from './days.js';
import { loadBank } from './load.js';
import { watchedProgress, writtenProgress } from './progress.js';
import { awaitReview, summarise } from './summary.js';

const usage = `usage: npm run demo -- [options]

  --url URL          where the service answers     (http://127.0.0.1:3000)
  --key KEY          an API key; else CLIENTELE_API_KEY
  --customers N      how many, 1 to 100000         (500)
  --seed N           another bank, 1 to 99         (1)
  --until DATE       the day before which the two years of activity end   (today)
  --currency CODE    of all amounts                (CNY)

The same seed, size and day give the same bank: sending it twice changes nothing.`;

const defaults = {
  url: { type: 'string', default: 'http://127.0.0.1:3000' },
  key: { type: 'string' },
  customers: { type: 'string', default: '500' },
  seed: { type: 'string', default: '1' },
  until: { type: 'string', default: today() },
  currency: { type: 'string', default: 'CNY' },
  help: { type: 'boolean', default: false },
} as const;

function integer(name: string, text: string, maximum: number): number {
  const value = Number(text);
  if (/^[1-9]\d{0,8}$/.test(text) && value <= maximum) return value;
  throw new Error(`--${name} must be an integer from 1 to ${maximum}`);
}

function day(text: string): string {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(text).toJSON()?.startsWith(text) === true;
  if (!isDay) throw new Error('--until must be a date such as 2026-03-01');
  return text;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: defaults });
  if (values.help) return console.log(usage);
  const key = values.key ?? process.env.CLIENTELE_API_KEY ?? '';
  if (!/^[\x21-\x7e]+$/.test(key)) throw new Error('give an API key with --key or CLIENTELE_API_KEY');
  if (!URL.canParse(values.url)) throw new Error('--url must be a URL such as http://127.0.0.1:3000');
  if (!/^[A-Z]{3}$/.test(values.currency)) throw new Error('--currency must be a code such as CNY');
  const options = {
    customers: integer('customers', values.customers, 100_000),
    seed: integer('seed', values.seed, 99),
    until: day(values.until),
    currency: values.currency,
  };
  const url = values.url.replace(/\/+$/, '');
  const api = openApi({ url, key });
  console.log(`A bank of ${options.customers} customers goes to ${url}`);
  const loaded = await loadBank(
    api,
    options,
    process.stdout.isTTY ? watchedProgress() : writtenProgress(console.log),
  );
  await awaitReview(api);
  console.log(await summarise(api, url, loaded));
}

main().catch((error: unknown) => {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
