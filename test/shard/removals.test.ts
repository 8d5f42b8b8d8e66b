/** What a replica knows of keys that are gone, and what it says of what it does not know. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { SHARD_LIMITS } from '../../src/base/limits.ts';
import { SECTION } from '../../src/machine/section.ts';
import { Removals } from '../../src/shard/removals.ts';
import { bytesOf } from '../machine/machine-rig.ts';

const NO_BYTES = new Uint8Array();

function remove(removals: Removals, index: number, ...keys: readonly string[]): void {
  const writes = keys.map((key) => {
    return { section: SECTION.values, key: bytesOf(key), value: undefined };
  });
  removals.note(index, writes);
}

interface Asked {
  readonly from?: string;
  readonly to?: string;
  readonly since: number;
}

function mayHave(removals: Removals, { from = '', to = '', since }: Asked): boolean {
  const ends = { from: bytesOf(from), to: to === '' ? NO_BYTES : bytesOf(to) };
  return removals.mayHave({ ...ends, since, applied: 1000 });
}

test('a removal is seen in its range, by whoever looked before it', () => {
  const removals = new Removals();
  removals.note(10, []);
  remove(removals, 20, 'b', 'd');
  remove(removals, 30, 'c');
  equal(mayHave(removals, { from: 'b', to: 'c', since: 19 }), true);
  equal(mayHave(removals, { from: 'b', to: 'c', since: 20 }), false);
  equal(mayHave(removals, { from: 'c', to: 'd', since: 29 }), true);
  equal(mayHave(removals, { from: 'd', since: 20 }), false);
  equal(mayHave(removals, { from: 'd', since: 19 }), true, 'no bytes leave the end open');
  equal(mayHave(removals, { from: 'a', to: 'b', since: 10 }), false);
});

test('of a key the last removal counts', () => {
  const removals = new Removals();
  removals.note(10, []);
  remove(removals, 20, 'b');
  remove(removals, 30, 'b', 'c');
  const mayHaveKey = (key: string, since: number, applied = 1000) => {
    return removals.mayHaveKey(bytesOf(key), { since, applied });
  };
  equal(mayHaveKey('b', 29), true);
  equal(mayHaveKey('b', 30), false);
  equal(mayHaveKey('a', 10), false);
  equal(mayHaveKey('a', 8), true, 'what was then is not known');
  equal(mayHaveKey('a', 8, 8), false, 'nothing was applied since');
});

test('what is removed after the moment that is asked for is not its business', () => {
  const removals = new Removals();
  removals.note(10, []);
  remove(removals, 20, 'b');
  remove(removals, 30, 'c');
  const all = { from: NO_BYTES, to: NO_BYTES };
  equal(removals.mayHave({ ...all, since: 20, applied: 29 }), false);
  equal(removals.mayHave({ ...all, since: 19, applied: 29 }), true);
});

test('what was before its first entry is not known, but for who saw all of it', () => {
  const removals = new Removals();
  equal(mayHave(removals, { since: 999 }), true);
  equal(mayHave(removals, { since: 1000 }), false, 'nothing was applied since');
  removals.note(10, []);
  equal(mayHave(removals, { since: 8 }), true);
  equal(mayHave(removals, { since: 9 }), false);
});

test('what is written, and what is no value, is not removed', () => {
  const removals = new Removals();
  removals.note(10, [{ section: SECTION.values, key: bytesOf('a'), value: NO_BYTES }]);
  removals.note(11, [{ section: SECTION.sessions, key: bytesOf('a'), value: undefined }]);
  equal(mayHave(removals, { since: 9 }), false);
});

test('it remembers within its room, and says of what it forgot that it does not know', () => {
  const removals = new Removals();
  const key = 'k'.repeat(1000);
  const count = Math.ceil((2 * SHARD_LIMITS.removalsBytesMax) / key.length);
  for (let at = 0; at < count; at++) remove(removals, 10 + at, key);
  const since = 10 + count;
  equal(
    removals.mayHave({ from: bytesOf('a'), to: bytesOf('b'), since: 10, applied: since }),
    true,
  );
  const late = { from: bytesOf('a'), to: bytesOf('b'), since: since - 2, applied: since };
  equal(removals.mayHave(late), false);
  ok(removals.mayHave({ ...late, to: bytesOf('z') }));
  ok(removals.mayHaveKey(bytesOf('a'), { since: 10, applied: since }));
  ok(removals.mayHaveKey(bytesOf(key), { since: since - 2, applied: since }));
  equal(removals.mayHaveKey(bytesOf('a'), { since: since - 2, applied: since }), false);
});
