/** What a replica knows of rows that were written and deleted, and its answers beyond that. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import { SECTION } from '../../src/machine/section.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import { RecentDeletes } from '../../src/shard/recent-deletes.ts';
import { bytesOf } from '../machine/machine-rig.ts';

const NO_BYTES = new Uint8Array();

/** Rows as young as possible: written by the previous entry. */
function remove(recentDeletes: RecentDeletes, index: number, ...keys: readonly string[]): void {
  removeOf(recentDeletes, { index, version: index - 1 }, ...keys);
}

interface When {
  readonly index: number;
  /** Of the deleted rows. */
  readonly version: number;
  readonly time?: number;
}

function removeOf(recentDeletes: RecentDeletes, when: When, ...keys: readonly string[]): void {
  const { index, version: removed, time = 0 } = when;
  const writes = keys.map((key) => {
    return { section: SECTION.values, key: bytesOf(key), value: undefined, removed };
  });
  recentDeletes.note({ index, time }, writes);
}

interface Asked {
  readonly from?: string;
  readonly to?: string;
  readonly since: number;
  readonly applied?: number;
}

function mayHave(recentDeletes: RecentDeletes, asked: Asked): boolean {
  const { from = '', to = '', since, applied = 1e9 } = asked;
  const ends = { from: bytesOf(from), to: to === '' ? NO_BYTES : bytesOf(to) };
  return recentDeletes.mayHave({ ...ends, since, applied });
}

function mayHaveKey(
  recentDeletes: RecentDeletes,
  key: string,
  since: number,
  applied = 1e9,
): boolean {
  return recentDeletes.mayHaveKey(bytesOf(key), { since, applied });
}

test('a removal is detected in its range, by a check from before the row', () => {
  const recentDeletes = new RecentDeletes();
  recentDeletes.note({ index: 10, time: 0 }, []);
  remove(recentDeletes, 20, 'b', 'd');
  remove(recentDeletes, 30, 'c');
  equal(mayHave(recentDeletes, { from: 'b', to: 'c', since: 18 }), true);
  equal(mayHave(recentDeletes, { from: 'b', to: 'c', since: 19 }), false);
  equal(mayHave(recentDeletes, { from: 'c', to: 'd', since: 28 }), true);
  equal(mayHave(recentDeletes, { from: 'd', since: 19 }), false);
  equal(mayHave(recentDeletes, { from: 'd', since: 18 }), true, 'no bytes leave the end open');
  equal(mayHave(recentDeletes, { from: 'a', to: 'b', since: 10 }), false);
});

test('of a key the youngest removed row counts', () => {
  const recentDeletes = new RecentDeletes();
  recentDeletes.note({ index: 10, time: 0 }, []);
  remove(recentDeletes, 20, 'b');
  remove(recentDeletes, 30, 'b', 'c');
  equal(mayHaveKey(recentDeletes, 'b', 28), true);
  equal(mayHaveKey(recentDeletes, 'b', 29), false);
  equal(mayHaveKey(recentDeletes, 'a', 10), false);
  equal(mayHaveKey(recentDeletes, 'a', 8), true, 'what was then is not known');
  equal(mayHaveKey(recentDeletes, 'a', 8, 8), false, 'nothing was applied since');
});

test('a row that existed at the checked index was not written and deleted since', () => {
  const recentDeletes = new RecentDeletes();
  recentDeletes.note({ index: 10, time: 0 }, []);
  removeOf(recentDeletes, { index: 40, version: 20 }, 'b');
  equal(mayHaveKey(recentDeletes, 'b', 20), false);
  equal(mayHave(recentDeletes, { from: 'b', to: 'c', since: 20 }), false);
  equal(mayHaveKey(recentDeletes, 'b', 19), true);
  equal(mayHave(recentDeletes, { from: 'b', to: 'c', since: 19 }), true);
});

test('for a row without a known version any version may have been removed', () => {
  const recentDeletes = new RecentDeletes();
  recentDeletes.note({ index: 10, time: 0 }, []);
  const gone = { section: SECTION.values, key: bytesOf('b'), value: undefined };
  recentDeletes.note({ index: 20, time: 0 }, [gone]);
  deepEqual(
    [19, 20].map((since) => mayHaveKey(recentDeletes, 'b', since)),
    [true, false],
  );
});

test('a removal after the checked moment does not count', () => {
  const recentDeletes = new RecentDeletes();
  recentDeletes.note({ index: 10, time: 0 }, []);
  remove(recentDeletes, 20, 'b');
  remove(recentDeletes, 30, 'c');
  equal(mayHave(recentDeletes, { since: 19, applied: 29 }), false);
  equal(mayHave(recentDeletes, { since: 18, applied: 29 }), true);
});

test('everything before its first entry is unknown, except for later checks', () => {
  const recentDeletes = new RecentDeletes();
  equal(mayHave(recentDeletes, { since: 999, applied: 1000 }), true);
  equal(mayHave(recentDeletes, { since: 1000, applied: 1000 }), false, 'nothing was applied since');
  recentDeletes.note({ index: 10, time: 0 }, []);
  equal(mayHave(recentDeletes, { since: 8 }), true);
  equal(mayHave(recentDeletes, { since: 9 }), false);
});

test('writes, and rows that are no values, do not count as removed', () => {
  const recentDeletes = new RecentDeletes();
  const when = { index: 10, time: 0 };
  recentDeletes.note(when, [{ section: SECTION.values, key: bytesOf('a'), value: NO_BYTES }]);
  recentDeletes.note(when, [{ section: SECTION.sessions, key: bytesOf('a'), value: undefined }]);
  equal(mayHave(recentDeletes, { since: 9 }), false);
});

/** So many rows that were written and deleted, one in each entry from 11 on. */
function churn(recentDeletes: RecentDeletes, count: number, keyOf: (at: number) => string): void {
  recentDeletes.note({ index: 10, time: 0 }, []);
  for (let at = 0; at < count; at++)
    removeOf(recentDeletes, { index: 12 + at, version: 11 + at }, keyOf(at));
}

/** More than are remembered exactly. */
const MANY = 50_000;

test('a check over a long time is answered though very many other rows were deleted', () => {
  const recentDeletes = new RecentDeletes();
  churn(recentDeletes, MANY, (at) => `queue/${at}`);
  ok(SHARD_LIMITS.removalsBytesMax < MANY * 100, 'not all of them are known exactly');
  equal(mayHave(recentDeletes, { from: 'r', to: 's', since: 10 }), false);
  equal(mayHave(recentDeletes, { from: 'a', to: 'queue', since: 10 }), false);
  equal(mayHave(recentDeletes, { from: 'queue/', to: 'queue0', since: 10 }), true);
  let wrong = 0;
  for (let at = 0; at < 1000; at++) if (mayHaveKey(recentDeletes, `user/${at}`, 10)) wrong += 1;
  ok(wrong < 150, `it errs for ${wrong} of 1000 keys`);
});

test('none of the rows that were written and deleted is missed', () => {
  const recentDeletes = new RecentDeletes();
  const random = new Random(3);
  const letters = Array.from({ length: MANY }, () => random.below(2 ** 30).toString(36));
  churn(recentDeletes, MANY, (at) => `${letters[at]}${'/long'.repeat(at % 20)}`);
  for (let at = 0; at < MANY; at += 7) {
    const key = `${letters[at]}${'/long'.repeat(at % 20)}`;
    const since = 10 + at;
    equal(mayHaveKey(recentDeletes, key, since), true, key);
    equal(mayHave(recentDeletes, { from: key, to: `${key}\0`, since }), true, key);
  }
});

test('the deletion of older rows fails no check, however many there are', () => {
  const recentDeletes = new RecentDeletes();
  recentDeletes.note({ index: MANY, time: 0 }, []);
  for (let at = 0; at < MANY; at++) {
    removeOf(recentDeletes, { index: MANY + 1 + at, version: at }, `user/${at}`);
  }
  equal(mayHave(recentDeletes, { since: MANY }), false);
  for (let at = 0; at < 1000; at++) equal(mayHaveKey(recentDeletes, `user/${at}`, MANY), false);
});

test('deletions before the longest deadline take no room', () => {
  const recentDeletes = new RecentDeletes();
  const { timeoutMillisecondsMax } = MACHINE_LIMITS;
  recentDeletes.note({ index: 10, time: 1000 }, []);
  removeOf(recentDeletes, { index: 20, version: 19, time: 20_000 }, 'b');
  recentDeletes.note({ index: 30, time: 20_000 + timeoutMillisecondsMax }, []);
  equal(mayHaveKey(recentDeletes, 'a', 19), false, 'it may be asked for');
  recentDeletes.note({ index: 40, time: 60_000 + timeoutMillisecondsMax }, []);
  equal(mayHaveKey(recentDeletes, 'a', 19), true, 'it is not known any more');
  equal(mayHaveKey(recentDeletes, 'a', 30), false);
});

test('versions that one cell cannot distinguish are unknown', () => {
  const recentDeletes = new RecentDeletes();
  const far = 2 ** 33;
  churn(recentDeletes, MANY, (at) => `queue/${at}`);
  removeOf(recentDeletes, { index: far + 1, version: far }, 'z'.repeat(4096));
  for (let at = 0; at < MANY; at++) {
    removeOf(recentDeletes, { index: far + 3 + at, version: far + 2 + at }, `other/${at}`);
  }
  const applied = 2 * far;
  equal(mayHaveKey(recentDeletes, 'a', 11, applied), true);
  deepEqual(
    ['other/0', 'other/1'].map((key) => mayHaveKey(recentDeletes, key, far + 2, applied)),
    [false, true],
  );
});
