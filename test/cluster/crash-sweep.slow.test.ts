/** A node crashes at any moment of a transaction: the transaction ends as a whole. */

import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { casesOf, describeCase, parseCase, runSweepCase, spellCase } from './crash-sweep.ts';
import { VARIANTS } from './crash-sweep-world.ts';

/** One case in so many; `make sim PROFILE=crash` runs all of them. */
const SAMPLED = 17;

for (const variant of VARIANTS) {
  test(`a crash during a transaction blocks no other and splits none: ${variant}`, () => {
    const cases = casesOf({ seed: 1, variant }, { onlyOwn: true });
    ok(cases.length > 100, `${cases.length} moments are enough to mean something`);
    for (const [at, one] of cases.entries()) {
      if (at % SAMPLED !== 0) continue;
      const { failure } = runSweepCase(one);
      equal(failure, undefined, `${describeCase(one)}: ${failure?.message}`);
    }
  });
}

test('a case is repeated by its name', () => {
  const one = { seed: 1, variant: 'rivals', effect: 12, victim: 2, death: 'power' } as const;
  deepEqual(parseCase(1, spellCase(one)), one);
  for (const text of ['rivals', 'rivals/0/0/kill', 'rivals/1/9/kill']) {
    throws(() => parseCase(1, text), RangeError);
  }
});
