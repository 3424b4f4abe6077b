/** Swagger UI as an integration engineer uses it, in a real browser: authorise, try an operation, see the answer. */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];

let t: TestApp;
let browser: Browser;
let page: Page;
const complaints: string[] = [];
const elsewhere: string[] = [];

beforeAll(async () => {
  expect(existsSync(executablePath), `Chromium is to be at ${executablePath}, or where CHROMIUM says`).toBe(
    true,
  );
  t = await startTestApp();
  browser = await chromium.launch({ executablePath, args: [...flags, ...quiet] });
  page = await browser.newPage({ viewport: { width: 1300, height: 1600 } });
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));
  page.on('request', (request) => {
    if (!request.url().startsWith(t.origin) && !request.url().startsWith('data:'))
      elsewhere.push(request.url());
  });
  await page.goto(`${t.origin}/docs`);
});
afterAll(async () => {
  await browser?.close();
  await t?.stop();
});

type Shown = {
  paths: Record<string, Record<string, { operationId: string; tags: string[] }>>;
  webhooks: object;
};
const shown = () => t.app.swagger() as unknown as Shown;
/** The tag of each operation. */
const tags = () =>
  new Map(
    Object.values(shown().paths)
      .flatMap((path) => Object.values(path))
      .map(({ operationId, tags: [tag = ''] }) => [operationId, tag]),
  );
const section = (tag: string) => page.locator(`[id="operations-tag-${tag.replaceAll(' ', '_')}"]`);

/** Operations are drawn while their tag is open. */
async function open(tag: string): Promise<void> {
  await section(tag).waitFor();
  if ((await section(tag).getAttribute('data-is-open')) !== 'true') await section(tag).click();
}

/** Opens an operation, sends its example, and returns status and body as the page shows them. */
async function tryOperation(operationId: string): Promise<{ status: string; body: string }> {
  await open(tags().get(operationId) ?? '');
  const block = page.locator(`[id$="-${operationId}"].opblock`);
  await block.locator('.opblock-summary').click();
  await block.getByRole('button', { name: 'Try it out' }).click();
  await block.getByRole('button', { name: 'Execute' }).click();
  const reply = block.locator('.live-responses-table');
  await reply.waitFor();
  const textOf = async (selector: string) => (await reply.locator(selector).first().textContent()) ?? '';
  return {
    status: await textOf('tbody .response-col_status'),
    body: await textOf('.response-col_description .highlight-code, .response-col_description pre'),
  };
}

test('every operation of the document is there, and every event', async () => {
  await page.locator('.opblock').first().waitFor();
  expect(await page.locator('.webhooks .opblock').count()).toBe(Object.keys(shown().webhooks).length);
  expect([...tags().keys()].sort()).toEqual(t.app.operations.map(({ id }) => id).sort());
  for (const tag of new Set(tags().values())) {
    await open(tag);
    const ids = [...tags()].filter(([, own]) => own === tag).map(([id]) => id);
    for (const id of ids) await page.locator(`[id$="-${id}"].opblock`).waitFor();
    expect(await page.locator('.opblock:not(.webhooks .opblock)').count(), tag).toBe(ids.length);
    await section(tag).click();
    await page.locator(`[id$="-${ids[0]}"].opblock`).waitFor({ state: 'detached' });
  }
});

test('without a key an operation is refused, and says so', async () => {
  const { status, body } = await tryOperation('listCustomers');
  expect(status).toContain('401');
  expect(body).toContain('unauthenticated');
  // the browser itself says each 4xx once
  expect(complaints.splice(0).filter((text) => !/401/.test(text))).toEqual([]);
});

test('with a key the examples work as they stand', async () => {
  // without the fragment, which would open the operation of before
  await page.goto('about:blank');
  await page.goto(`${t.origin}/docs`);
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  await page
    .locator('.modal-ux input')
    .first()
    .fill(t.client.secret ?? '');
  await page.locator('.modal-ux').getByRole('button', { name: 'Apply credentials' }).click();
  await page.locator('.modal-ux').getByRole('button', { name: 'Close' }).click();
  const made = await tryOperation('upsertCustomer');
  expect(made.status, made.body).toMatch(/^20[01]/);
  expect(made.body).toContain('"outcome": "created"');
  const listed = await tryOperation('listCustomers');
  expect(listed.status).toContain('200');
  const segments = await tryOperation('listSegments');
  expect(segments.body).toContain('high_net_worth');
});

test('the browser had nothing to complain of, and asked nobody else', () => {
  expect(complaints).toEqual([]);
  expect(elsewhere).toEqual([]);
});
