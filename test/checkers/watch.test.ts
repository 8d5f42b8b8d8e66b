/** The judge of watches knows each anomaly by its rule, and finds none in good histories. */

import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { checkWatches } from './watch.ts';
import { BROKEN_WATCHES } from './watch-broken-histories.ts';
import { WORLD } from './watch-notation.ts';
import { SOUND_WATCHES } from './watch-sound-histories.ts';

const WATCH_CASES = [...SOUND_WATCHES, ...BROKEN_WATCHES];

for (const { name, rule, watching } of WATCH_CASES) {
  test(`${rule === undefined ? 'good' : rule}: ${name}`, () => {
    const findings = checkWatches(WORLD, [watching]);
    const text = findings.map((found) => `${found.rule}: ${found.text}`).join('\n');
    if (rule === undefined) deepEqual(findings, [], text);
    else
      ok(
        findings.some((found) => found.rule === rule),
        `found instead:\n${text}`,
      );
  });
}

test('the histories name each rule', () => {
  const named = new Set(WATCH_CASES.map(({ rule }) => rule));
  const rules = ['range', 'order', 'twice', 'missing', 'content', 'group', 'synced', 'fresh'];
  rules.push('sync', 'resume', 'compacted', 'token', 'silent');
  deepEqual(
    rules.filter((rule) => ![...named].some((one) => one === rule)),
    [],
  );
});
