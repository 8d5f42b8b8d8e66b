/** Sealed rows that are replaced, and rows of the build before. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { STATE_LIMITS } from '../../src/storage/limits.ts';
import { sealedDisk } from '../../src/storage/sealing/sealed-disk.ts';
import { StateDamage } from '../../src/storage/state/state.ts';
import { KEY_KIND } from '../../src/storage/state/state-key.ts';
import { openRecords } from '../../src/storage/state/state-opening.ts';
import { WORDS_BYTES } from '../../src/storage/state/state-record.ts';
import { StateScrub } from '../../src/storage/state/state-scrub.ts';
import { formerDisk } from '../support/twins/former-disk.ts';
import { Vault } from '../support/twins/vault.ts';
import {
  bytesOf,
  DAMAGEABLE_MEDIA,
  IDENTITY,
  type Medium,
  MemoryMedium,
  pairs,
  put,
  remove,
  SHARD,
  StateRig,
  textOf,
} from './state-rig.ts';

const VALUES = ['one', 'two', 'a value that is a secret', 'z'.repeat(3000)] as const;

async function openOn(medium: Medium, vault: Vault): Promise<StateRig> {
  const rig = new StateRig(medium);
  rig.openOn(sealedDisk(await medium.open((cause) => rig.faults.push(cause)), vault.open()));
  return rig;
}

async function fill(rig: StateRig): Promise<void> {
  rig.create();
  rig.apply(VALUES.map((value, at) => put(`k${at}`, value)));
  await rig.checkpoint();
  await rig.close();
}

async function addsUp(medium: Medium, vault: Vault): Promise<void> {
  const rig = new StateRig(medium);
  const disk = sealedDisk(await medium.open((cause) => rig.faults.push(cause)), vault.open());
  const scrub = new StateScrub({ disk, onDamage: (damage) => rig.damages.push(damage) });
  for (let turn = 1; turn < 10_000 && scrub.sound === 0; turn++) {
    scrub.work(turn * STATE_LIMITS.scrubSliceMilliseconds, () => [SHARD]);
    await medium.turn();
  }
  assert.deepEqual([scrub.sound, rig.damages], [1, []]);
  scrub.close();
  let isClosed = false;
  disk.close(() => {
    isClosed = true;
  });
  while (!isClosed) await medium.turn();
}

for (const newMedium of DAMAGEABLE_MEDIA) {
  const { name } = newMedium();

  test(`${name}: a store of the build before is read, and its rows are replaced`, async () => {
    const vault = new Vault(new Random(11));
    const medium = newMedium();
    const former = new StateRig(medium);
    const plain = await medium.open((cause) => former.faults.push(cause));
    former.openOn(formerDisk(plain, vault.open()));
    await fill(former);
    await addsUp(medium, vault);
    const rig = await openOn(medium, vault);
    assert.equal(textOf(rig.store.get(SHARD, 0, bytesOf('k2'))), VALUES[2]);
    rig.apply([put('k0', 'new'), remove('k1'), put('k4', 'four')]);
    await rig.checkpoint();
    const expected = ['k0=new', `k2=${VALUES[2]}`, `k3=${VALUES[3]}`, 'k4=four'];
    assert.deepEqual(pairs(await rig.scanNow()), expected);
    assert.deepEqual([rig.damages, rig.store.isDamaged(SHARD)], [[], false]);
    await rig.close();
    // Rows of both formats are there.
    await addsUp(medium, vault);
    medium.dispose();
  });
}

/** Writes three rows, and changes a byte of one in memory before the checkpoint. */
async function changeInMemory(
  rig: StateRig,
  { size, at }: { readonly size: number; readonly at: number },
): Promise<void> {
  rig.create();
  const keys = ['k0', 'k1', 'k2'].map(bytesOf);
  rig.apply(keys.map((key) => ({ section: 0, key, value: new Uint8Array(size) })));
  // While a view is open, reads return the memory of the row: its words are before the value.
  const view = rig.store.view(SHARD);
  const value = rig.store.get(SHARD, 0, bytesOf('k1')) as Uint8Array;
  const record = new Uint8Array(value.buffer, value.byteOffset - WORDS_BYTES, WORDS_BYTES + size);
  record[at] = (record[at] as number) ^ 4;
  view.close();
  await rig.checkpoint();
}

for (const newMedium of DAMAGEABLE_MEDIA) {
  const { name } = newMedium();

  test(`${name}: a row that is changed in memory before it is sealed is damage`, async () => {
    for (const at of [0, 3, 4, 7, 8, 12]) {
      const size = at % 4 === 0 ? 5 : 3000;
      const medium = newMedium();
      const vault = new Vault(new Random(15));
      const rig = await openOn(medium, vault);
      await changeInMemory(rig, { size, at });
      const named = () => rig.damages.map(({ row }) => textOf(row?.key));
      assert.deepEqual(named(), ['k1'], `byte ${at} of ${size}`);
      assert.equal(rig.store.hash(SHARD), undefined);
      assert.throws(() => rig.store.get(SHARD, 0, bytesOf('k1')), StateDamage);
      assert.equal(rig.store.get(SHARD, 0, bytesOf('k2'))?.length, size);
      rig.apply([put('k1', 'new')]);
      await rig.checkpoint();
      assert.deepEqual(named(), ['k1']);
      await rig.close();
      // The row is known to be lost, so the other rows of the shard are not condemned.
      const again = await openOn(medium, vault);
      assert.equal(textOf(again.store.get(SHARD, 0, bytesOf('k1'))), 'new');
      const { store } = again;
      assert.deepEqual([store.isDamaged(SHARD), store.isCondemned(SHARD)], [true, false]);
      await again.close();
      medium.dispose();
    }
  });
}

test('a build that does not read the present rows refuses the store', async () => {
  const vault = new Vault(new Random(12));
  const medium = new MemoryMedium();
  await fill(await openOn(medium, vault));
  const disk = sealedDisk(medium.openNow(), vault.open());
  assert.equal(openRecords(disk, IDENTITY).records.size, 1);
  assert.throws(() => openRecords({ ...disk, isSealed: false }, IDENTITY), {
    name: 'StateUnusable',
    message: /was written by another version/,
  });
});

test('a replaced row counts only if all of it is as it was sealed', async () => {
  const vault = new Vault(new Random(13));
  const medium = new MemoryMedium();
  await fill(await openOn(medium, vault));
  const whole = medium.state.rows();
  const [one, two] = whole.filter(([key]) => key[0] === KEY_KIND.row);
  assert.ok(one !== undefined && two !== undefined);
  const [key, sealed] = one;
  const changes = [() => two[1], () => sealed.subarray(0, 9), () => new Uint8Array(8)];
  for (let at = 0; at < sealed.length; at++) {
    changes.push(() => sealed.map((byte, place) => (place === at ? byte ^ 0x10 : byte)));
  }
  for (const [nth, change] of changes.entries()) {
    medium.state.damage(key, change);
    const rig = await openOn(medium, vault);
    rig.apply([put('k0', 'new'), put('k1', 'new')]);
    await rig.checkpoint();
    assert.ok(rig.damages.length > 0, `change ${nth} is found`);
    for (const { row } of rig.damages) assert.deepEqual(row?.key, bytesOf('k0'));
    assert.equal(rig.store.hash(SHARD), undefined);
    await rig.close();
    medium.state.restore(whole);
  }
});

test('the hash of an encrypted shard is that of a plain one, whatever is replaced', async () => {
  const random = new Random(14);
  const sealed = await openOn(new MemoryMedium(), new Vault(random));
  const plain = new StateRig(new MemoryMedium());
  await plain.open();
  for (const rig of [sealed, plain]) rig.create();
  for (let round = 0; round < 60; round++) {
    const writes = Array.from({ length: 1 + random.below(30) }, () => {
      const key = `k${random.below(40)}`;
      const length = random.chance(0.2) ? 980 + random.below(100) : random.below(60);
      return random.chance(0.1) ? remove(key) : put(key, 'x'.repeat(length));
    });
    for (const rig of [sealed, plain]) {
      rig.apply(writes);
      if (round % 3 === 0) await rig.checkpoint();
    }
    if (round % 2 === 0) assert.deepEqual(sealed.store.hash(SHARD), plain.store.hash(SHARD));
  }
  assert.deepEqual(sealed.damages, []);
});
