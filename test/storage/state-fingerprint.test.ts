/** A fingerprint is the hash as of one entry, however late the disk returns replaced rows. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { STATE_LIMITS } from '../../src/storage/limits.ts';
import type { StateHash } from '../../src/storage/state/state-hash.ts';
import { digestOf } from '../../src/storage/state/state-hash.ts';
import { randomWrites } from './state-model.ts';
import { bytesOf, MEDIA, MemoryMedium, put, remove, SHARD, StateRig } from './state-rig.ts';

const ROW_TABLE = 3;

/** The same writes, and a hash immediately. */
async function openTwin(): Promise<StateRig> {
  const twin = new StateRig(new MemoryMedium());
  await twin.open();
  twin.create();
  return twin;
}

for (const newMedium of MEDIA) {
  const { name } = newMedium();

  test(`on ${name}, later writes do not change the fingerprint of an entry`, async () => {
    const twin = await openTwin();
    const rig = new StateRig(newMedium());
    await rig.open();
    rig.create();
    for (const each of [rig, twin]) each.apply([put('a', '1'), put('b', '2'), put('c', '3')]);
    await rig.checkpoint();
    // Blind writes: the rows that they replace are on disk, and no read has loaded them.
    for (const each of [rig, twin]) each.apply([put('a', '4'), remove('b')]);
    const index = rig.store.description(SHARD).index;
    rig.store.beginFingerprint(SHARD);
    const expected = twin.store.hash(SHARD);
    rig.apply([put('c', '5'), put('d', '6')]);
    assert.equal(rig.store.fingerprint(SHARD), undefined, 'the disk was not asked yet');
    await rig.until(() => rig.store.fingerprint(SHARD) !== undefined, 'a fingerprint');
    const { position, hash } = rig.store.fingerprint(SHARD) ?? assert.fail();
    assert.deepEqual(position, { index, term: 1 });
    assert.deepEqual(hash, expected);
    await rig.close();
    rig.medium.dispose();
  });

  test(`on ${name}, fingerprints of random runs are the hashes of a twin`, async () => {
    const random = new Random(11);
    let compared = 0;
    for (let life = 0; life < 4; life++) {
      const twin = await openTwin();
      const rig = new StateRig(newMedium());
      await rig.open();
      rig.create();
      let expected: StateHash | undefined;
      for (let step = 0; step < 400; step++) {
        const choice = random.below(100);
        if (choice < 50) {
          const writes = randomWrites(random);
          for (const each of [rig, twin]) each.apply(writes);
        } else if (choice < 85) await rig.turn();
        else if (choice < 90) rig.store.checkpoint();
        else if (choice < 92) assert.deepEqual(rig.store.hash(SHARD), twin.store.hash(SHARD));
        else if (expected === undefined || choice > 98) {
          rig.store.beginFingerprint(SHARD);
          expected = twin.store.hash(SHARD);
        }
        const fingerprint = expected === undefined ? undefined : rig.store.fingerprint(SHARD);
        if (fingerprint === undefined) continue;
        assert.deepEqual(fingerprint.hash, expected);
        expected = undefined;
        compared += 1;
      }
      await rig.close();
      rig.medium.dispose();
    }
    assert.ok(compared > 40, `${compared} fingerprints are enough to mean something`);
  });
}

test('a fingerprint waits for all rows before its entry, and for no later one', async () => {
  const [rig, twin] = [await openTwin(), await openTwin()];
  const half = STATE_LIMITS.settleKeys * 1.5;
  const rewrite = (each: StateRig, from: number, value: string) => {
    for (let at = from; at < from + half; at++) each.apply([put(`${at}`, value)]);
  };
  for (const each of [rig, twin]) {
    rewrite(each, 0, 'old');
    rewrite(each, half, 'old');
  }
  await rig.checkpoint();
  for (const each of [rig, twin]) rewrite(each, 0, 'new');
  rig.store.beginFingerprint(SHARD);
  rewrite(rig, half, 'new');
  await rig.until(() => rig.store.fingerprint(SHARD) !== undefined, 'a fingerprint');
  assert.deepEqual(rig.store.fingerprint(SHARD)?.hash, twin.store.hash(SHARD));
});

test('an outdated row on disk is detected once it is overwritten', async () => {
  const [rig, twin] = [await openTwin(), await openTwin()];
  const { state } = rig.medium as MemoryMedium;
  for (const each of [rig, twin]) each.apply([put('a', 'old')]);
  await rig.checkpoint();
  const [key, value] = state.rows().find(([stored]) => stored[0] === ROW_TABLE) ?? assert.fail();
  for (const each of [rig, twin]) each.apply([put('a', 'new')]);
  await rig.checkpoint();
  // Its checksum is sound, so no read detects it.
  assert.ok(state.damage(key, () => value));
  assert.deepEqual(rig.store.get(SHARD, 0, bytesOf('a')), bytesOf('old'));
  for (const each of [rig, twin]) each.apply([put('a', 'newer')]);
  rig.store.beginFingerprint(SHARD);
  await rig.until(() => rig.store.fingerprint(SHARD) !== undefined, 'a fingerprint');
  assert.notDeepEqual(rig.store.fingerprint(SHARD)?.hash, twin.store.hash(SHARD));
});

test('a condemned state counts as damaged after a restart, too', async () => {
  const rig = await openTwin();
  rig.apply([put('a', '1')]);
  await rig.checkpoint();
  rig.store.condemn(SHARD);
  rig.store.beginFingerprint(SHARD);
  assert.equal(rig.store.fingerprint(SHARD), undefined);
  await rig.checkpoint();
  await rig.reopen();
  assert.ok(rig.store.isDamaged(SHARD));
});

test('digests tell sections, counts and sums apart', () => {
  const base = { section: 1, rows: 2, one: 3, two: 4 };
  const others = [
    [],
    [base],
    [{ ...base, section: 2 }],
    [{ ...base, rows: 3 }],
    [{ ...base, rows: 2 + 2 ** 32 }],
    [{ ...base, one: 4, two: 3 }],
    [base, { ...base, section: 2 }],
  ].map((hash) => digestOf(hash));
  for (const word of ['one', 'two'] as const) {
    assert.equal(new Set(others.map((digest) => digest[word])).size, others.length);
  }
});
