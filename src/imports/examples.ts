/** Examples for the API's documentation. */
export const importBodyExample = `{"source":"core","source_id":"TX-2026-000002","customer":{"scheme":"core_banking","value":"C000001"},"type":"card_payment","occurred_at":"2026-01-05T10:30:00+08:00","amount":"128.50","currency":"CNY","direction":"out"}
`;

/** the same in CSV, as it goes on after its header */
export const importCsvRestExample = `core,TX-2026-000002,core_banking,C000001,card_payment,2026-01-05T10:30:00+08:00,128.50,CNY,out
`;
export const importCsvExample = `source,source_id,customer.scheme,customer.value,type,occurred_at,amount,currency,direction
${importCsvRestExample}`;

export const importExample = {
  id: '0197f3c2-1b7f-7a10-8c3d-5e6f7a8b9c0d',
  kind: 'activities',
  on_error: 'continue',
  on_unknown: 'reject',
  dry_run: false,
  format: 'ndjson',
  charset: 'utf-8',
  source: 'core',
  feed: null,
  business_date: null,
  mode: 'upsert',
  delimiter: 'comma',
  correction: false,
  control_rows: null,
  control_amount: null,
  plan: null,
  closed: 0,
  state: 'running',
  received_bytes: 212_480,
  received_lines: 1000,
  accepted: 498,
  duplicates: 1,
  rejected: 1,
  progress: { done: 500, total: 1000, rate: 2500, eta_seconds: 1 },
  failure: null,
  created_at: '2026-01-05T08:00:00.000Z',
  started_at: '2026-01-05T08:00:01.000Z',
  finished_at: null,
  evaluated_at: null,
};
