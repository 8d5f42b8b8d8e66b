/** The checker of linearizability against drawn histories, brute force and real objects. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { byEffort } from '../support/effort.ts';
import { BROKEN_HISTORIES } from './broken-histories.ts';
import { checkLinearizability, type Report } from './linearizability.ts';
import { ANY_STATE, IMPOSSIBLE, type Model, type Operation } from './model.ts';
import {
  generateHistory,
  isLinearizableByForce,
  markCorrupt,
  type Workload,
} from './random-histories.ts';
import { REGISTER } from './register.ts';
import type { RegisterOperation } from './register-operation.ts';
import { SOUND_HISTORIES } from './sound-histories.ts';
import { parseTimeline } from './timeline.ts';

const SPOILED_ROUNDS = byEffort({ full: 200, brief: 30 });
const TINY_ROUNDS = byEffort({ full: 6000, brief: 1000 });

const TINY: Workload = {
  operations: 7,
  clients: 4,
  keys: 1,
  verbs: ['read', 'read', 'write', 'cas', 'append'],
  values: 3,
  unknownShare: 0.25,
  failedShare: 0.1,
  durationMax: 8,
  pauseMax: 3,
};

const BUSY: Workload = {
  ...TINY,
  operations: 400,
  clients: 8,
  values: Number.POSITIVE_INFINITY,
  unknownShare: 0.02,
  failedShare: 0.02,
  durationMax: 20,
};

function check(history: readonly RegisterOperation[], nodesMax = 1_000_000): Report {
  return checkLinearizability(history, REGISTER, { nodesMax });
}

for (const { sentence, drawing } of SOUND_HISTORIES) {
  test(`sound: ${sentence}`, () => {
    const history = parseTimeline(drawing);
    const { verdict, lines } = check(history);
    assert.equal(verdict, 'linearizable', lines.join('\n'));
    assert.ok(isLinearizableByForce(history), 'brute force says so too');
  });
}

for (const { sentence, drawing } of BROKEN_HISTORIES) {
  test(`broken: ${sentence}`, () => {
    const history = parseTimeline(drawing);
    const { verdict, key, lines } = check(history);
    assert.equal(verdict, 'violation');
    assert.ok(key !== undefined && lines.length > 0, 'a violation is explained');
    assert.ok(!isLinearizableByForce(history), 'brute force says so too');
  });
}

test('on tiny histories, sound and spoiled, the checker agrees with brute force', (t) => {
  const counts = { linearizable: 0, violation: 0, unknown: 0 };
  for (let seed = 0; seed < TINY_ROUNDS; seed++) {
    const random = new Random(seed);
    const values = random.pick([2, 3, Number.POSITIVE_INFINITY]);
    const operations = random.between(3, TINY.operations);
    let history: readonly RegisterOperation[] = generateHistory(random, {
      ...TINY,
      values,
      operations,
      keys: random.between(1, 2),
      durationMax: random.pick([1, 4, 8]),
      unknownShare: random.pick([0, 0.2, 0.5]),
    });
    const spoils = random.below(6);
    for (let done = 0; done < spoils; done++) history = markCorrupt(random, history);
    const { verdict } = check(history);
    const expected = isLinearizableByForce(history) ? 'linearizable' : 'violation';
    assert.equal(verdict, expected, `seed ${seed}: ${JSON.stringify(history)}`);
    if (spoils === 0) assert.equal(verdict, 'linearizable', `seed ${seed}`);
    counts[verdict]++;
  }
  t.diagnostic(`${counts.linearizable} linearizable, ${counts.violation} violations`);
  assert.ok(Math.min(counts.linearizable, counts.violation) > TINY_ROUNDS / 5, 'both are common');
});

test('the history of a real object is linearizable, however little its clients know of it', () => {
  for (let seed = 0; seed < byEffort({ full: 60, brief: 10 }); seed++) {
    const random = new Random(seed);
    const clients = random.between(1, 8);
    const history = generateHistory(random, { ...BUSY, clients, keys: random.between(1, 5) });
    const { verdict, lines } = check(history);
    assert.equal(verdict, 'linearizable', `seed ${seed}\n${lines.join('\n')}`);
  }
});

/** One operation at a time and unique values: only one order can explain them. */
const SEQUENTIAL: Workload = {
  ...BUSY,
  operations: 80,
  clients: 1,
  keys: 1,
  verbs: ['read', 'write', 'append'],
  unknownShare: 0,
  failedShare: 0,
};

type Spoiler = (history: readonly RegisterOperation[], at: number) => RegisterOperation[];

function answering(value: (old: readonly string[]) => readonly string[]): Spoiler {
  return (history, at) =>
    history.map((operation, index) => {
      if (index !== at || operation.output?.kind !== 'value') return operation;
      const changed = value(operation.output.value?.split(',') ?? []);
      return { ...operation, output: { kind: 'value', value: changed.join(',') } };
    });
}

const SPOILERS: ReadonlyMap<string, Spoiler> = new Map([
  ['an element twice in a read', answering((old) => [...old, ...old.slice(-1)])],
  ['an element lost from a read', answering((old) => old.slice(0, -1))],
  ['a list turned round in a read', answering((old) => [...old].reverse())],
  ['the write before a read dropped', (history, at) => history.filter((_, i) => i !== at - 1)],
  [
    'the read moved to before the write that it saw',
    (history, at) => {
      const [read, write] = [history[at], history[at - 1]];
      if (read === undefined || write === undefined) return [...history];
      const early = { ...read, invoke: write.invoke - 0.5, return: write.invoke - 0.25 };
      return history.map((operation, index) => (index === at ? early : operation));
    },
  ],
]);

for (const [sentence, spoiler] of SPOILERS) {
  test(`spoiled sequential histories are violations: ${sentence}`, () => {
    let spoiled = 0;
    for (let seed = 0; seed < SPOILED_ROUNDS; seed++) {
      const history = generateHistory(new Random(seed), SEQUENTIAL);
      const at = history.findIndex(
        ({ output }, index) =>
          output?.kind === 'value' &&
          (output.value?.split(',').length ?? 0) > 1 &&
          history[index - 1]?.input.kind === 'append',
      );
      if (at < 0) continue;
      spoiled++;
      assert.equal(check(history).verdict, 'linearizable', `seed ${seed}`);
      assert.equal(check(spoiler(history, at)).verdict, 'violation', `seed ${seed}`);
    }
    assert.ok(spoiled > SPOILED_ROUNDS * 0.75, `${spoiled} histories were spoiled`);
  });
}

test('a stale read among eight busy clients is found', () => {
  for (let seed = 0; seed < byEffort({ full: 40, brief: 10 }); seed++) {
    const verbs = ['read', 'write'] as const;
    const workload = { ...BUSY, verbs, unknownShare: 0.01, failedShare: 0 };
    const history = generateHistory(new Random(seed), workload);
    const reads = history.filter(({ output }) => output?.kind === 'value');
    const late = reads[Math.floor(reads.length * 0.75)];
    const early = reads[Math.floor(reads.length * 0.25)];
    assert.ok(late !== undefined && early !== undefined);
    const spoiled = history.map((operation) =>
      operation === late ? { ...operation, output: early.output } : operation,
    );
    assert.equal(check(spoiled).verdict, 'violation', `seed ${seed}`);
  }
});

test('a search that runs out of steps is unknown, and a violation elsewhere outweighs it', () => {
  const busy = generateHistory(new Random(1), { ...BUSY, keys: 1 });
  const report = check(busy, 10);
  assert.equal(report.verdict, 'unknown');
  assert.match(report.lines.join('\n'), /key k0: undecided after 10 steps/);
  const broken = parseTimeline('1: [x.write a] [x.cas b c yes]');
  assert.equal(check([...busy, ...broken], 10).verdict, 'violation');
});

test('a violation names the key, the longest legal prefix and what could not follow', () => {
  const refused = check(parseTimeline('1: [x.write a] [x.cas a b no]'));
  assert.equal(refused.key, 'x');
  assert.deepEqual(refused.lines, [
    'key x: no order explains its 2 operations',
    'the longest legal start has 1, the last of them:',
    '  client 1 [3, 13] write a',
    'the state is then a, and none of these leads on:',
    '  client 1 [15, 28] cas a b no',
  ]);
});

test('a violation names the operations that come too late for the state that they need', () => {
  const { lines } = check(parseTimeline('1: [write a] [write b] [read a]'));
  assert.deepEqual(lines.slice(-4), [
    'the state is then a, and none of these leads on:',
    '  client 1 [13, 21] write b',
    'that state comes only once, and these still need it:',
    '  client 1 [23, 30] read a',
  ]);
});

type LockInput = 'acquire' | 'release';

/** Held or free; an acquire answers whether it was free, a release whether it was held. */
const LOCK: Model<boolean, LockInput, boolean> = {
  initial: false,
  step: (isHeld, input, isDone) => {
    const isPossible = (input === 'acquire') !== isHeld;
    if (isDone !== undefined && isDone !== isPossible) return IMPOSSIBLE;
    return isPossible ? !isHeld : isHeld;
  },
  prepare: (operations) => ({
    breaches: [],
    placements: operations.map((operation) => ({
      operation,
      input: operation.input,
      needs: ANY_STATE,
      isPassive: false,
    })),
    isOnce: () => false,
  }),
  describe: (input) => input,
  describeState: (isHeld) => (isHeld ? 'held' : 'free'),
};

test('another model needs no hints: a lock that two clients hold at once is a violation', () => {
  const sound: Operation<LockInput, boolean> = {
    client: 1,
    key: 'lock',
    invoke: 0,
    return: 3,
    input: 'acquire',
    output: true,
    outcome: 'ok',
  };
  const refused = { ...sound, client: 2, invoke: 1, return: 4, output: false };
  const release = { ...sound, invoke: 5, return: 6, input: 'release' } as const;
  const second = { ...sound, client: 2, invoke: 4, return: 7 };
  const verdictOf = (history: readonly Operation<LockInput, boolean>[]) =>
    checkLinearizability(history, LOCK).verdict;
  assert.equal(verdictOf([sound, refused, release, second]), 'linearizable');
  assert.equal(verdictOf([sound, { ...second, return: 4.5 }, release]), 'violation');
});

test('the checker keeps up with eight clients on one key', (t) => {
  const parts = Array.from({ length: 50 }, (_, seed) =>
    generateHistory(new Random(seed), { ...BUSY, pauseMax: 0 }),
  );
  const started = performance.now();
  for (const part of parts) assert.equal(check(part).verdict, 'linearizable');
  const seconds = (performance.now() - started) / 1000;
  const operations = parts.length * BUSY.operations;
  t.diagnostic(`${Math.round(operations / seconds)} operations checked per second`);
});
