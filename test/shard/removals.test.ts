/** What a replica knows of rows that came and went, and what it says of what it does not know. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS, SHARD_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import { SECTION } from '../../src/machine/section.ts';
import { Removals } from '../../src/shard/removals.ts';
import { bytesOf } from '../machine/machine-rig.ts';

const NO_BYTES = new Uint8Array();

/** Rows as young as can be: written by the entry before. */
function remove(removals: Removals, index: number, ...keys: readonly string[]): void {
  removeOf(removals, { index, version: index - 1 }, ...keys);
}

interface When {
  readonly index: number;
  /** Of the rows that go. */
  readonly version: number;
  readonly time?: number;
}

function removeOf(removals: Removals, when: When, ...keys: readonly string[]): void {
  const { index, version: removed, time = 0 } = when;
  const writes = keys.map((key) => {
    return { section: SECTION.values, key: bytesOf(key), value: undefined, removed };
  });
  removals.note({ index, time }, writes);
}

interface Asked {
  readonly from?: string;
  readonly to?: string;
  readonly since: number;
  readonly applied?: number;
}

function mayHave(removals: Removals, asked: Asked): boolean {
  const { from = '', to = '', since, applied = 1e9 } = asked;
  const ends = { from: bytesOf(from), to: to === '' ? NO_BYTES : bytesOf(to) };
  return removals.mayHave({ ...ends, since, applied });
}

function mayHaveKey(removals: Removals, key: string, since: number, applied = 1e9): boolean {
  return removals.mayHaveKey(bytesOf(key), { since, applied });
}

test('a removal is seen in its range, by a question from before the row', () => {
  const removals = new Removals();
  removals.note({ index: 10, time: 0 }, []);
  remove(removals, 20, 'b', 'd');
  remove(removals, 30, 'c');
  equal(mayHave(removals, { from: 'b', to: 'c', since: 18 }), true);
  equal(mayHave(removals, { from: 'b', to: 'c', since: 19 }), false);
  equal(mayHave(removals, { from: 'c', to: 'd', since: 28 }), true);
  equal(mayHave(removals, { from: 'd', since: 19 }), false);
  equal(mayHave(removals, { from: 'd', since: 18 }), true, 'no bytes leave the end open');
  equal(mayHave(removals, { from: 'a', to: 'b', since: 10 }), false);
});

test('of a key the youngest row that was removed counts', () => {
  const removals = new Removals();
  removals.note({ index: 10, time: 0 }, []);
  remove(removals, 20, 'b');
  remove(removals, 30, 'b', 'c');
  equal(mayHaveKey(removals, 'b', 28), true);
  equal(mayHaveKey(removals, 'b', 29), false);
  equal(mayHaveKey(removals, 'a', 10), false);
  equal(mayHaveKey(removals, 'a', 8), true, 'what was then is not known');
  equal(mayHaveKey(removals, 'a', 8, 8), false, 'nothing was applied since');
});

test('a row that was there when it was asked for did not come and go', () => {
  const removals = new Removals();
  removals.note({ index: 10, time: 0 }, []);
  removeOf(removals, { index: 40, version: 20 }, 'b');
  equal(mayHaveKey(removals, 'b', 20), false);
  equal(mayHave(removals, { from: 'b', to: 'c', since: 20 }), false);
  equal(mayHaveKey(removals, 'b', 19), true);
  equal(mayHave(removals, { from: 'b', to: 'c', since: 19 }), true);
});

test('where the version of a row is not told, any row may have gone', () => {
  const removals = new Removals();
  removals.note({ index: 10, time: 0 }, []);
  const gone = { section: SECTION.values, key: bytesOf('b'), value: undefined };
  removals.note({ index: 20, time: 0 }, [gone]);
  deepEqual(
    [19, 20].map((since) => mayHaveKey(removals, 'b', since)),
    [true, false],
  );
});

test('what is removed after the moment that is asked for is not its business', () => {
  const removals = new Removals();
  removals.note({ index: 10, time: 0 }, []);
  remove(removals, 20, 'b');
  remove(removals, 30, 'c');
  equal(mayHave(removals, { since: 19, applied: 29 }), false);
  equal(mayHave(removals, { since: 18, applied: 29 }), true);
});

test('what was before its first entry is not known, but for a question from behind it', () => {
  const removals = new Removals();
  equal(mayHave(removals, { since: 999, applied: 1000 }), true);
  equal(mayHave(removals, { since: 1000, applied: 1000 }), false, 'nothing was applied since');
  removals.note({ index: 10, time: 0 }, []);
  equal(mayHave(removals, { since: 8 }), true);
  equal(mayHave(removals, { since: 9 }), false);
});

test('what is written, and what is no value, is not removed', () => {
  const removals = new Removals();
  const when = { index: 10, time: 0 };
  removals.note(when, [{ section: SECTION.values, key: bytesOf('a'), value: NO_BYTES }]);
  removals.note(when, [{ section: SECTION.sessions, key: bytesOf('a'), value: undefined }]);
  equal(mayHave(removals, { since: 9 }), false);
});

/** So many rows that came and went, one in each entry from 11 on. */
function churn(removals: Removals, count: number, keyOf: (at: number) => string): void {
  removals.note({ index: 10, time: 0 }, []);
  for (let at = 0; at < count; at++)
    removeOf(removals, { index: 12 + at, version: 11 + at }, keyOf(at));
}

/** More than are known exactly. */
const MANY = 50_000;

test('a long question is answered though very many rows came and went elsewhere', () => {
  const removals = new Removals();
  churn(removals, MANY, (at) => `queue/${at}`);
  ok(SHARD_LIMITS.removalsBytesMax < MANY * 100, 'not all of them are known exactly');
  equal(mayHave(removals, { from: 'r', to: 's', since: 10 }), false);
  equal(mayHave(removals, { from: 'a', to: 'queue', since: 10 }), false);
  equal(mayHave(removals, { from: 'queue/', to: 'queue0', since: 10 }), true);
  let wrong = 0;
  for (let at = 0; at < 1000; at++) if (mayHaveKey(removals, `user/${at}`, 10)) wrong += 1;
  ok(wrong < 150, `it errs for ${wrong} of 1000 keys`);
});

test('it forgets none of the rows that came and went', () => {
  const removals = new Removals();
  const random = new Random(3);
  const letters = Array.from({ length: MANY }, () => random.below(2 ** 30).toString(36));
  churn(removals, MANY, (at) => `${letters[at]}${'/long'.repeat(at % 20)}`);
  for (let at = 0; at < MANY; at += 7) {
    const key = `${letters[at]}${'/long'.repeat(at % 20)}`;
    const since = 10 + at;
    equal(mayHaveKey(removals, key, since), true, key);
    equal(mayHave(removals, { from: key, to: `${key}\0`, since }), true, key);
  }
});

test('rows that were there before are no reason against a question, however many go', () => {
  const removals = new Removals();
  removals.note({ index: MANY, time: 0 }, []);
  for (let at = 0; at < MANY; at++) {
    removeOf(removals, { index: MANY + 1 + at, version: at }, `user/${at}`);
  }
  equal(mayHave(removals, { since: MANY }), false);
  for (let at = 0; at < 1000; at++) equal(mayHaveKey(removals, `user/${at}`, MANY), false);
});

test('what is older than the longest deadline is asked for by nobody, and takes no room', () => {
  const removals = new Removals();
  const { timeoutMillisecondsMax } = MACHINE_LIMITS;
  removals.note({ index: 10, time: 1000 }, []);
  removeOf(removals, { index: 20, version: 19, time: 20_000 }, 'b');
  removals.note({ index: 30, time: 20_000 + timeoutMillisecondsMax }, []);
  equal(mayHaveKey(removals, 'a', 19), false, 'it may be asked for');
  removals.note({ index: 40, time: 60_000 + timeoutMillisecondsMax }, []);
  equal(mayHaveKey(removals, 'a', 19), true, 'it is not known any more');
  equal(mayHaveKey(removals, 'a', 30), false);
});

test('versions that one cell cannot tell apart any more are not known', () => {
  const removals = new Removals();
  const far = 2 ** 33;
  churn(removals, MANY, (at) => `queue/${at}`);
  removeOf(removals, { index: far + 1, version: far }, 'z'.repeat(4096));
  for (let at = 0; at < MANY; at++) {
    removeOf(removals, { index: far + 3 + at, version: far + 2 + at }, `other/${at}`);
  }
  const applied = 2 * far;
  equal(mayHaveKey(removals, 'a', 11, applied), true);
  deepEqual(
    ['other/0', 'other/1'].map((key) => mayHaveKey(removals, key, far + 2, applied)),
    [false, true],
  );
});
