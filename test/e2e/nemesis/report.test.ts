/** The report of a run. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { type Hit, reportLines, toothless } from './report.ts';

function hit(name: string, more: Partial<Hit> = {}): Hit {
  return { name, isAlone: true, hasBitten: true, unavailableMilliseconds: 0, ...more };
}

test('a fault without effect, though it was alone, is named', () => {
  const idle = hit('idle', { hasBitten: false });
  assert.deepEqual(toothless([hit('kill'), idle]), ['idle']);
  assert.deepEqual(toothless([idle, hit('idle')]), []);
  assert.deepEqual(toothless([hit('idle', { hasBitten: false, isAlone: false })]), []);
});

test('operations are counted by outcome, faults with the longest unavailability when alone', () => {
  const one = {
    process: 1,
    workload: 'bank',
    invoke: 0,
    return: 1,
    outcome: 'unknown',
    input: {},
    output: {},
    error: 'timeout',
    text: '',
  } as const;
  const lines = reportLines({
    history: [one, { ...one, outcome: 'ok', error: '' }],
    hits: [
      hit('kill', { unavailableMilliseconds: 1200 }),
      hit('kill', { unavailableMilliseconds: 5000, isAlone: false }),
    ],
    violations: [{ what: 'ended', text: 'n1 ended by itself' }],
    verdicts: new Map([
      ['bank', []],
      ['list', ['a', 'b']],
    ]),
  });
  const text = lines.join('\n');
  assert.match(text, /^bank +1 +0 +1$/m);
  assert.match(text, /^errors: timeout 1$/m);
  assert.match(text, /^kill +2 +2 +1200 ms$/m);
  assert.match(text, /^bank: sound$/m);
  assert.match(text, /^list: 2 VIOLATIONS$/m);
  assert.match(text, /^ended: n1 ended by itself$/m);
});
