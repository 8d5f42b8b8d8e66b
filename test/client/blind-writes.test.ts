/** Transactions that compute with values they do not read, demand versions, and tell details. */

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { bytes } from '../../src/client/codec.ts';
import type { Space } from '../../src/client/space.ts';
import type { Transaction } from '../../src/client/transaction.ts';
import { byEffort } from '../support/effort.ts';
import { clusterOf, connectLocally, keysApart } from './model/local.ts';

const ROUNDS = byEffort({ full: 120, brief: 30 });
const NUMBERS = ['n0', 'n1', 'n2', 'n3', 'n4'];
const LOGS = ['l0', 'l1', 'l2'];

async function twoClients() {
  const cluster = clusterOf();
  const { client: kv, frames } = await connectLocally({ timeout: 30_000 }, cluster);
  const { client: rival } = await connectLocally({ timeout: 30_000 }, cluster);
  const close = () => Promise.all([kv.close(), rival.close()]);
  const typesOf = () => frames.splice(0).flatMap((all) => all.map(({ type }) => type));
  return { kv, rival, typesOf, close };
}

test('additions that are not read conflict with no other write', async () => {
  const { kv, rival, typesOf, close } = await twoClients();
  const [a, b, c] = keysApart('k');
  await Promise.all([kv.set(a, 0), kv.set(b, 0), kv.set(c, 0)]);
  typesOf();
  let runs = 0;
  const adding = Array.from({ length: 12 }, (_, at) => {
    const work = (tx: Transaction) => {
      runs += 1;
      tx.add(a, -1).add(b).max(c, at);
    };
    return (at % 2 === 0 ? kv : rival).transaction(work, { details: true });
  });
  const details = await Promise.all(adding);
  equal(runs, 12, 'no function runs again, also where another transaction held a key');
  equal(typesOf().includes('read'), false, 'no key is read');
  deepEqual(
    (await kv.getMany([a, b, c])).map((entry) => entry?.value),
    [-12, 12, 11],
  );
  const sums = details.map((one) => Number(one.resultOf(b)));
  deepEqual(
    sums.sort((one, other) => one - other),
    Array.from({ length: 12 }, (_, at) => at + 1),
    'each sum was there once',
  );
  await close();
});

/** What the steps make of numbers and logs, as maps. */
class Truth {
  readonly numbers = new Map<string, number>();
  readonly logs = new Map<string, string>();

  copy(): Truth {
    const copy = new Truth();
    for (const [key, value] of this.numbers) copy.numbers.set(key, value);
    for (const [key, value] of this.logs) copy.logs.set(key, value);
    return copy;
  }
}

/** A step of a transaction, and the same in the truth. A key has one kind of blind write. */
async function step(
  { tx, logs, truth }: { tx: Transaction; logs: Space<Uint8Array>; truth: Truth },
  random: Random,
): Promise<void> {
  const key = random.pick(NUMBERS);
  const kind = (['add', 'min', 'max'] as const)[NUMBERS.indexOf(key) % 3] ?? 'add';
  const by = random.between(0, 20) - 10;
  const { numbers } = truth;
  switch (random.below(8)) {
    case 0:
      tx.set(key, by);
      numbers.set(key, by);
      return;
    case 1:
      tx.delete(key);
      numbers.delete(key);
      return;
    case 2:
    case 3: {
      const before = numbers.get(key);
      const after = { add: (before ?? 0) + by, min: Math.min(before ?? by, by) };
      tx[kind](key, by);
      numbers.set(key, kind === 'max' ? Math.max(before ?? by, by) : after[kind]);
      return;
    }
    case 4: {
      const log = random.pick(LOGS);
      tx.in(logs).append(log, Uint8Array.of(97 + (by & 15)));
      truth.logs.set(log, (truth.logs.get(log) ?? '') + String.fromCharCode(97 + (by & 15)));
      return;
    }
    case 5:
      equal((await tx.get(key))?.value, numbers.get(key), key);
      return;
    case 6: {
      const seen: unknown[] = [];
      const reverse = random.chance(0.5);
      for await (const entry of tx.scan({ prefix: 'n', reverse }))
        seen.push([entry.key, entry.value]);
      const sorted = [...numbers].sort(([one], [other]) => (one < other ? -1 : 1));
      deepEqual(seen, reverse ? sorted.reverse() : sorted);
      return;
    }
    default:
      equal(await tx.count({ prefix: 'n' }), numbers.size);
      equal(await tx.in(logs).count(), truth.logs.size);
  }
}

test('a transaction sees and stores what a map would, whatever it computes blindly', async () => {
  const random = new Random(9);
  const { kv, close } = await twoClients();
  const logs = kv.space<Uint8Array>('log', { codec: bytes });
  const truth = new Truth();
  for (let round = 0; round < ROUNDS; round++) {
    const after = truth.copy();
    await kv.transaction(async (tx) => {
      for (let left = random.between(1, 12); left > 0; left--) {
        await step({ tx, logs, truth: after }, random);
      }
    });
    const stored = new Truth();
    for await (const { key, value } of kv.scan<number>({ prefix: 'n' }))
      stored.numbers.set(String(key), value);
    for await (const { key, value } of logs.scan())
      stored.logs.set(String(key), Buffer.from(value).toString());
    deepEqual(Object.fromEntries(stored.numbers), Object.fromEntries(after.numbers));
    deepEqual(Object.fromEntries(stored.logs), Object.fromEntries(after.logs));
    truth.numbers.clear();
    truth.logs.clear();
    for (const [key, value] of after.numbers) truth.numbers.set(key, value);
    for (const [key, value] of after.logs) truth.logs.set(key, value);
  }
  await close();
});

test('what was computed blindly is validated once the transaction has looked at it', async () => {
  const { kv, rival, close } = await twoClients();
  await kv.set('n', 1);
  const runsOf = async (look: (tx: Transaction) => Promise<unknown>) => {
    let runs = 0;
    await kv.transaction(async (tx) => {
      runs += 1;
      tx.add('n', 10);
      const seen = await look(tx);
      if (runs === 1) await rival.add('n', 100);
      tx.set('seen', seen);
    });
    return [runs, (await kv.get('n'))?.value, (await kv.get('seen'))?.value];
  };
  deepEqual(await runsOf(async () => 'nothing'), [1, 111, 'nothing']);
  deepEqual(await runsOf(async (tx) => (await tx.get('n'))?.value), [2, 221, 221]);
  const scanned = async (tx: Transaction) => {
    for await (const { value } of tx.scan({ prefix: 'n' })) return value;
    return undefined;
  };
  deepEqual(await runsOf(scanned), [2, 331, 331]);
  await close();
});

test('blind writes of one key that are no single operation are refused', async () => {
  const { kv, close } = await twoClients();
  const refused = (work: (tx: Transaction) => unknown, code: string) =>
    rejects(
      kv.transaction((tx) => void work(tx)),
      { code, outcome: 'notApplied' },
    );
  await refused((tx) => tx.add('n', 1).max('n', 2), 'invalid-argument');
  await refused((tx) => tx.append('n', new Uint8Array(1)).add('n', 2), 'invalid-argument');
  await refused((tx) => tx.add('n', 2n ** 62n).add('n', 2n ** 62n), 'overflow');
  await refused((tx) => tx.set('n', 'text').add('n', 1), 'not-a-number');
  await kv.set('text', 'text');
  await refused((tx) => tx.add('text', 1), 'not-a-number');
  await rejects(
    kv.transaction(async (tx) => (await tx.add('text', 1).get('text'))?.value),
    { code: 'not-a-number' },
  );
  equal((await kv.get('n'))?.value, undefined);
  await close();
});

test('a key that is created blindly gets its life, and one that exists keeps its own', async () => {
  const { kv, close } = await twoClients();
  await kv.set('old', 1);
  await kv.transaction((tx) => {
    tx.add('new', 1, { ttl: 60_000 }).add('new', 1).add('old', 1, { ttl: 60_000 });
    tx.delete('gone').max('gone', 7, { ttl: 60_000 });
  });
  const [created, existing, again] = await kv.getMany(['new', 'old', 'gone']);
  deepEqual([created?.value, existing?.value, again?.value], [2, 2, 7]);
  ok(created?.ttl !== undefined && again?.ttl !== undefined);
  equal(existing?.ttl, undefined);
  await close();
});

test('a demand for a version is no read, and one that fails is not tried again', async () => {
  const { kv, typesOf, close } = await twoClients();
  const [a, b, c] = keysApart('k');
  const { version } = await kv.set(a, 1);
  typesOf();
  await kv.transaction((tx) => void tx.check(a, version).check(c, 0).set(b, 1));
  equal(typesOf().includes('read'), false);
  for (const check of [
    (tx: Transaction) => tx.check(a, version + 1).set(b, 2),
    (tx: Transaction) => tx.check(a, 0).set(b, 2),
    (tx: Transaction) => tx.check(a, 0).set(a, 2),
    (tx: Transaction) => tx.check(c, version),
    (tx: Transaction) => tx.check(a, 0).check(c, 0),
  ]) {
    let runs = 0;
    const failed = kv.transaction((tx) => {
      runs += 1;
      check(tx);
    });
    await rejects(failed, { code: 'check-failed', outcome: 'notApplied', retryable: false });
    equal(runs, 1);
  }
  const error = await kv.transaction((tx) => void tx.check(a, 9)).catch((failure) => failure);
  match(error.message, new RegExp(`"${a}" does not have version 9`));
  typesOf();
  await kv.transaction((tx) => void tx.check(a, version).check(c, 0));
  equal(typesOf().includes('read'), true, 'a shard that is only asked knows absence by an index');
  await rejects(
    kv.transaction((tx) => void tx.check(a, version).check(a, 0).set(b, 3)),
    { code: 'invalid-argument', message: /for two versions/ },
  );
  await rejects(
    kv.transaction((tx) => void tx.check(a, -1)),
    { code: 'invalid-argument' },
  );
  equal((await kv.get(b))?.value, 1);
  await close();
});

test('what another client writes makes a run with a demand go again, not fail', async () => {
  const { kv, rival, close } = await twoClients();
  const [a, b, c] = keysApart('k');
  const { version } = await kv.set(a, 1);
  let runs = 0;
  await kv.transaction(async (tx) => {
    runs += 1;
    tx.check(a, version);
    const value = (await tx.get<number>(b))?.value ?? 0;
    if (runs === 1) await rival.set(b, 5);
    tx.set(c, value);
  });
  deepEqual([runs, (await kv.get(c))?.value], [2, 5]);
  await close();
});

test('details have the versions of what was written and read, and the results', async () => {
  const { kv, rival, close } = await twoClients();
  const users = kv.space<number>('user');
  const [a, b, c, d] = keysApart('k');
  await Promise.all([kv.set(a, 1), kv.set(d, 1)]);
  let runs = 0;
  const work = async (tx: Transaction) => {
    runs += 1;
    const value = (await tx.get<number>(a))?.value ?? 0;
    if (runs === 1) await rival.set(a, 7);
    tx.set(b, value).add(c, 3).add(c, 4).delete(d);
    tx.in(users).set('7', value);
    return `value ${value}`;
  };
  const done = await kv.transaction(work, { details: true });
  deepEqual([done.value, done.attempts], ['value 7', 2]);
  for (const key of [a, b, c]) equal(done.versionOf(key), (await kv.get(key))?.version, key);
  equal(done.versionOf(d), 0);
  equal(done.resultOf(c), 7n);
  equal(done.in(users).versionOf('7'), (await users.get('7'))?.version);
  for (const act of [
    () => done.versionOf('other'),
    () => done.resultOf(a),
    () => done.lengthOf(c),
    () => done.in(rival),
  ])
    await rejects(async () => act(), { code: 'invalid-argument' });
  const read = await users.transaction(async (tx) => (await tx.get('7'))?.value, { details: true });
  deepEqual([read.value, read.versionOf('7') > 0, read.attempts], [7, true, 1]);
  equal(await kv.transaction(() => 5, { details: false }), 5);
  await close();
});
