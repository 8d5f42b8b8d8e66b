/** The checker of transactions on lists against drawn histories, brute force and a real store. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { byEffort } from '../support/effort.ts';
import { checkListAppend, type Verdict } from './list-append.ts';
import { CYCLE_HISTORIES } from './list-append-cycle-histories.ts';
import { isSerializableByForce } from './list-append-force.ts';
import type { Transaction } from './list-append-history.ts';
import { LOCAL_HISTORIES } from './list-append-local-histories.ts';
import { parseTransactions } from './list-append-notation.ts';
import { ORDER_HISTORIES } from './list-append-order-histories.ts';
import {
  generateTransactions,
  makeLargeHistory,
  type TransactionWorkload,
} from './list-append-random.ts';
import { SOUND_TRANSACTIONS } from './list-append-sound-histories.ts';
import { SPOILERS, spoilTransactions } from './list-append-spoilers.ts';
import { weaken } from './list-append-weak-store.ts';

const BUSY_ROUNDS = byEffort({ full: 60, brief: 6 });
const TINY_ROUNDS = byEffort({ full: 10_000, brief: 600 });

const TINY: TransactionWorkload = {
  transactions: 6,
  processes: 4,
  keys: 2,
  appendsPerKey: 64,
  operationsMax: 3,
  readShare: 0.6,
  unknownShare: 0.2,
  failedShare: 0.1,
  durationMax: 8,
  pauseMax: 2,
};

const BUSY: TransactionWorkload = {
  ...TINY,
  transactions: 400,
  processes: 8,
  keys: 4,
  appendsPerKey: 32,
  operationsMax: 5,
  readShare: 0.5,
  unknownShare: 0.05,
  failedShare: 0.05,
  durationMax: 20,
};

const BROKEN = [...LOCAL_HISTORIES, ...CYCLE_HISTORIES, ...ORDER_HISTORIES];

function linesOf(verdict: Verdict): string[] {
  return verdict.type === 'sound' ? [] : verdict.explanation.split('\n');
}

for (const { sentence, drawing } of SOUND_TRANSACTIONS) {
  test(`sound: ${sentence}`, () => {
    const history = parseTransactions(drawing);
    const verdict = checkListAppend(history);
    assert.equal(verdict.type, 'sound', linesOf(verdict).join('\n'));
    assert.ok(isSerializableByForce(history), 'brute force says so too');
  });
}

for (const { sentence, names, drawing } of BROKEN) {
  test(`${names.join(' and ')}: ${sentence}`, () => {
    const history = parseTransactions(drawing);
    const verdict = checkListAppend(history);
    assert.ok(verdict.type === 'anomaly', 'an anomaly is found');
    assert.deepEqual(verdict.names, names, verdict.explanation);
    assert.equal(verdict.name, names[0]);
    const isCycle = verdict.name.startsWith('G') && !/^G1[ab]/.test(verdict.name);
    const lines = isCycle ? verdict.cycle.length + 1 : verdict.names.length;
    assert.equal(linesOf(verdict).length, lines, 'each finding or edge has its line');
    assert.ok(!isSerializableByForce(history), 'brute force says so too');
  });
}

/** Sound histories, and some with every kind of anomaly. */
function generateTiny(random: Random): readonly Transaction[] {
  let history: readonly Transaction[] = generateTransactions(random, {
    ...TINY,
    transactions: random.between(3, TINY.transactions),
    keys: random.between(1, 2),
    operationsMax: random.between(1, 3),
    durationMax: random.pick([0, 1, 4, 8, 20]),
    unknownShare: random.pick([0, 0.2, 0.5]),
  });
  if (random.chance(0.7)) history = weaken(random, history);
  const spoils = random.pick([0, 1, 3]);
  for (let done = 0; done < spoils; done++) history = spoilTransactions(random, history);
  return history;
}

test('on tiny histories of stores good and bad, the checker agrees with brute force', (t) => {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < TINY_ROUNDS; seed++) {
    const history = generateTiny(new Random(seed));
    const verdict = checkListAppend(history);
    const expected = isSerializableByForce(history) ? 'sound' : 'anomaly';
    const context = `seed ${seed}: ${linesOf(verdict).join('\n')}\n${JSON.stringify(history)}`;
    assert.equal(verdict.type, expected, context);
    const name = verdict.type === 'sound' ? 'sound' : verdict.name;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const shares = [...counts].sort(([, one], [, other]) => other - one);
  t.diagnostic(shares.map(([name, count]) => `${count} ${name}`).join(', '));
  const soundCount = counts.get('sound') ?? 0;
  const isMixed = Math.min(soundCount, TINY_ROUNDS - soundCount) > TINY_ROUNDS / 5;
  assert.ok(isMixed, 'both are common');
});

test('the history of a real store is sound, however little its clients know of it', () => {
  for (let seed = 0; seed < byEffort({ full: 100, brief: 8 }); seed++) {
    const random = new Random(seed);
    const processes = random.between(1, 12);
    const unknownShare = random.pick([0, 0.05, 0.4]);
    const keys = random.between(1, 6);
    const history = generateTransactions(random, { ...BUSY, processes, unknownShare, keys });
    const verdict = checkListAppend(history);
    assert.equal(verdict.type, 'sound', `seed ${seed}\n${linesOf(verdict).join('\n')}`);
  }
});

for (const { sentence, markCorrupt } of SPOILERS) {
  test(`spoiled histories of eight busy clients are found: ${sentence}`, () => {
    let spoiled = 0;
    for (let seed = 0; seed < BUSY_ROUNDS; seed++) {
      const history = markCorrupt(generateTransactions(new Random(seed), BUSY));
      if (history === undefined) continue;
      spoiled++;
      assert.equal(checkListAppend(history).type, 'anomaly', `seed ${seed}`);
    }
    assert.ok(spoiled > (BUSY_ROUNDS * 2) / 3, `${spoiled} histories were spoiled`);
  });
}

test('of two processes intervals that touch overlap, and of one they do not', () => {
  const append: Transaction = {
    process: 1,
    invokedAt: 0,
    completedAt: 5,
    outcome: 'ok',
    operations: [{ type: 'append', key: 'x', element: 1 }],
  };
  const miss: Transaction = {
    ...append,
    invokedAt: 5,
    completedAt: 5,
    operations: [{ type: 'read', key: 'x', list: [] }],
  };
  const sight: Transaction = {
    ...append,
    invokedAt: 6,
    completedAt: 7,
    operations: [{ type: 'read', key: 'x', list: [1] }],
  };
  const ofAnother = checkListAppend([append, { ...miss, process: 2 }, sight]);
  assert.equal(ofAnother.type, 'sound');
  const ofOne = checkListAppend([append, miss, sight]);
  assert.equal(ofOne.type === 'anomaly' && ofOne.name, 'G-single-process');
});

test('the keys 1 and "1" are two keys', () => {
  const operations = [
    { type: 'append', key: 1, element: 1 },
    { type: 'read', key: '1', list: [] },
  ] as const;
  const only = { process: 1, invokedAt: 0, completedAt: 1, outcome: 'ok', operations } as const;
  assert.equal(checkListAppend([only]).type, 'sound');
});

test('a cycle is explained by the operations that prove each of its edges', () => {
  const verdict = checkListAppend(
    parseTransactions(`
      1: [x+1] [x=1 y+2       ]
      2:       [x+3]
      3:             [y=-]
      4:                       [x=1,3 y=2]`),
  );
  assert.deepEqual(linesOf(verdict), [
    'G2-realtime: each of 3 transactions comes before the next',
    '  T1 -rw-> T2: T1 read x as [1], T2 appended 3 to x behind 1',
    '  T2 -realtime-> T3: T2 completed at 19, T3 began at 21',
    '  T3 -rw-> T1: T3 read y as [], T1 appended 2 to y first',
  ]);
});

test('an anomaly of a single list is explained by its readers and writers', () => {
  const verdict = checkListAppend(parseTransactions('1: [x+1 !] [x+2] [x=1,2]'));
  assert.deepEqual(linesOf(verdict), [
    'G1a: T2 read x as [1 2], but T0 appended 1 and failed',
    'dirty-update: T1 appended 2 to x behind 1 of T0, which failed',
  ]);
});

test('a hundred thousand transactions of twenty clients are sound', (t) => {
  const history = makeLargeHistory(new Random(1));
  const started = performance.now();
  assert.equal(checkListAppend(history).type, 'sound');
  const seconds = (performance.now() - started) / 1000;
  t.diagnostic(`${Math.round(history.length / seconds)} transactions checked per second`);
});
