/** Ranges whose keys all have one tag ask one shard; what they return does not depend on that. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import type { RangeOptions } from '../../src/client/range-options.ts';
import { byEffort } from '../support/effort.ts';
import { clusterOf, connectLocally } from './model/local.ts';

const ROUNDS = byEffort({ full: 400, brief: 150 });
const SHARDS = 4;

/** Few letters, so that tags, their braces and their neighbours in the order meet often. */
const LETTERS = ['a', 'b', '{', '{', '}', '}', '~', '|'];

function textFrom(random: Random): string {
  return Array.from({ length: random.between(1, 6) }, () => random.pick(LETTERS)).join('');
}

function isInside(key: string, { prefix, from, to }: RangeOptions): boolean {
  if (prefix !== undefined) return key.startsWith(String(prefix));
  return key >= String(from) && key < String(to);
}

function rangeFrom(random: Random): RangeOptions {
  if (random.chance(0.6)) return { prefix: textFrom(random) };
  // Near to each other, so that both ends often have the same tag.
  const start = textFrom(random);
  const [from = '', to = ''] = [start + textFrom(random), start + textFrom(random)].sort();
  return { from, to };
}

async function connected() {
  const { client: kv, frames } = await connectLocally({ timeout: 60_000 }, clusterOf());
  const shardsAsked = () => {
    const asked = frames.flat().filter(({ type }) => type === 'range');
    return new Set(asked.map((one) => ('shard' in one ? one.shard : 0))).size;
  };
  // The log times of the shards are known after this, and their leaders.
  await Promise.all(Array.from({ length: 40 }, (_, at) => kv.set(`other${at}`, at)));
  await kv.count();
  frames.length = 0;
  return { kv, frames, shardsAsked };
}

test('a range returns what a filter over all keys returns, whatever their tags', async () => {
  const random = new Random(5);
  const { kv, frames, shardsAsked } = await connected();
  const keys = new Set<string>();
  for (let at = 0; at < 800; at++) keys.add(textFrom(random));
  const sorted = [...keys].sort();
  await Promise.all(sorted.map((key) => kv.set(key, 1)));
  let ofOneShard = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const range = rangeFrom(random);
    const truth = sorted.filter((key) => isInside(key, range));
    frames.length = 0;
    const found: unknown[] = [];
    for await (const { key } of kv.scan(range)) found.push(key);
    deepEqual(found, truth, JSON.stringify(range));
    equal(await kv.count(range), truth.length, JSON.stringify(range));
    if (shardsAsked() === 1) ofOneShard += 1;
  }
  equal(ofOneShard > ROUNDS / 20 && ofOneShard < ROUNDS / 2, true, `${ofOneShard} of one shard`);
  await kv.close();
});

test('only a range whose keys all have one complete tag asks one shard', async () => {
  const { kv, frames, shardsAsked } = await connected();
  const cases: readonly (readonly [RangeOptions, number])[] = [
    [{ prefix: 'x{t}' }, 1],
    [{ prefix: 'x{t}y' }, 1],
    [{ prefix: '{t}' }, 1],
    [{ from: 'x{t}a', to: 'x{t}b' }, 1],
    [{ from: 'x{t}a', to: 'x{t~' }, 1],
    [{ prefix: '{t' }, SHARDS],
    [{ prefix: '{}{t}' }, SHARDS],
    [{ from: 'x{t}a', to: 'x{u}a' }, SHARDS],
    [{ from: 'x{t}a' }, SHARDS],
    [{ prefix: 'x' }, SHARDS],
    [{}, SHARDS],
  ];
  for (const [range, shards] of cases) {
    frames.length = 0;
    await kv.count(range);
    equal(shardsAsked(), shards, JSON.stringify(range));
    frames.length = 0;
    for await (const _ of kv.scan({ ...range, reverse: true }));
    equal(shardsAsked(), shards, JSON.stringify(range));
  }
  frames.length = 0;
  await kv.space('cart').count({ prefix: '{t}' });
  equal(shardsAsked(), 1);
  await kv.close();
});

test('a transaction that scans the keys of one tag concerns one shard', async () => {
  const { kv, frames } = await connected();
  await Promise.all(['{t}1', '{t}2', '{t}3'].map((key) => kv.set(key, 1)));
  const scanned = () =>
    kv.transaction(async (tx) => {
      const keys: unknown[] = [];
      for await (const { key } of tx.scan({ prefix: '{t}' })) keys.push(key);
      tx.set('{t}0', keys.length);
      return keys;
    });
  frames.length = 0;
  deepEqual(await scanned(), ['{t}1', '{t}2', '{t}3']);
  deepEqual(await scanned(), ['{t}0', '{t}1', '{t}2', '{t}3']);
  deepEqual(
    frames.flat().map(({ type }) => type),
    ['range', 'transact', 'range', 'transact'],
  );
  frames.length = 0;
  const read = await kv.transaction(async (tx) => {
    let count = 0;
    for await (const _ of tx.scan({ prefix: '{t}' })) count += 1;
    return count;
  });
  equal(read, 4);
  deepEqual(
    frames.flat().map(({ type }) => type),
    ['range'],
  );
  await kv.close();
});
