/** Bodies that are valid as they stand; whatever a test is about is given. */
let counter = 0;

export const aCustomer = (stated: Record<string, unknown> = {}): Record<string, unknown> => {
  counter += 1;
  return {
    kind: 'person',
    full_name: '王小明',
    branch: '0101',
    identifiers: [{ scheme: 'core_banking', value: `T${process.pid}N${counter}` }],
    source: 'core',
    ...stated,
  };
};
