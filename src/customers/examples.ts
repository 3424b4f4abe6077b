/** Examples for the API's documentation: they are sent and answered as they stand. */
/** a resident id of the form that GB 11643 gives, with its check character */
export const nationalIdExample = { scheme: 'national_id', value: '11010519900517002X' };

export const upsertExample = {
  family_name: '王',
  given_name: '小明',
  full_name: '王小明',
  birth_date: '1990-05-17',
  language: 'zh-CN',
  city: '上海',
  branch: '0101',
  relationship_manager: 'RM001',
  identifiers: [{ scheme: 'core_banking', value: 'C000001' }, nationalIdExample],
  contact_points: [{ kind: 'phone', value: '13812345678', label: 'mobile', primary: true }],
  source: 'core',
  source_time: '2026-01-05T08:00:00Z',
};

const id = '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d';

export const customerExample = {
  id,
  kind: 'person',
  status: 'prospect',
  stub: false,
  display_name: '王**',
  full_name: '王**',
  given_name: '**',
  family_name: '王',
  legal_name: null,
  short_name: null,
  birth_date: '1990-**-**',
  founding_date: null,
  gender: null,
  language: 'zh-CN',
  city: '上海',
  branch: '0101',
  relationship_manager: 'RM001',
  customer_since: null,
  attributes: {},
  identifiers: [
    {
      id: '0197f3c2-1b7f-7a10-8c3d-5e6f7a8b9c0d',
      scheme: 'core_banking',
      value: 'C000001',
      status: 'active',
      source: 'core',
      recorded_at: '2026-01-05T08:00:01.000000Z',
    },
    {
      id: '0197f3c2-1b7f-7a31-9e4f-7a8b9c0d1e2f',
      scheme: 'national_id',
      value: '1101****002X',
      status: 'active',
      source: 'core',
      recorded_at: '2026-01-05T08:00:01.000000Z',
    },
  ],
  contact_points: [
    {
      id: '0197f3c2-1b7f-7b22-9d4e-6f7a8b9c0d1e',
      kind: 'phone',
      value: '+86 138****5678',
      label: 'mobile',
      primary: true,
      source: 'core',
      recorded_at: '2026-01-05T08:00:01.000000Z',
    },
  ],
  merged_from: [],
  version: 1,
  created_at: '2026-01-05T08:00:01.000Z',
  updated_at: '2026-01-05T08:00:01.000Z',
};
