/** How long the fuzz tests run, and from where. `FUZZ_SEED=random` takes another one each time. */
const { FUZZ_RUNS, FUZZ_SEED, FUZZ_PATH } = process.env;

export const fuzz = {
  /** requests of each kind for an operation */
  runs: Number(FUZZ_RUNS ?? 15),
  seed: FUZZ_SEED === 'random' ? Date.now() % 2 ** 31 : Number(FUZZ_SEED ?? 20_260_301),
  /** of a failure, to send that request alone */
  path: FUZZ_PATH,
};
