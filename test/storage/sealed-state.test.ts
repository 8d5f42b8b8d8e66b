/** Rows of an encrypted state store: bound to their keys, found damaged if changed. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { TAG_BYTES } from '../../src/storage/sealing/aead.ts';
import { HEAD_BYTES, SHORT_TEXT_BYTES_MAX } from '../../src/storage/sealing/row-cipher.ts';
import { RowSeal } from '../../src/storage/sealing/row-seal.ts';
import { sealedDisk } from '../../src/storage/sealing/sealed-disk.ts';
import { StateDamage } from '../../src/storage/state/state.ts';
import { KEY_KIND } from '../../src/storage/state/state-key.ts';
import { Vault } from '../support/twins/vault.ts';
import { bytesOf, MemoryMedium, pairs, put, SHARD, StateRig, textOf } from './state-rig.ts';

const VALUES = ['one', 'two', 'a value that is a secret'] as const;

function openOn(medium: MemoryMedium, vault: Vault): StateRig {
  const rig = new StateRig(medium);
  rig.openOn(sealedDisk(medium.openNow(), vault.open()));
  return rig;
}

async function filled(vault: Vault): Promise<{ medium: MemoryMedium; rig: StateRig }> {
  const medium = new MemoryMedium();
  const rig = openOn(medium, vault);
  rig.create();
  rig.apply(VALUES.map((value, at) => put(`k${at}`, value)));
  await rig.checkpoint();
  return { medium, rig };
}

function rowsOf(medium: MemoryMedium): readonly (readonly [Uint8Array, Uint8Array])[] {
  return medium.state.rows().filter(([key]) => key[0] === KEY_KIND.row);
}

test('rows are read back after each boot, and only their keys are in the clear', async () => {
  const vault = new Vault(new Random(1));
  const { medium, rig } = await filled(vault);
  const stored = Buffer.concat(medium.state.rows().flat());
  for (const value of VALUES.slice(2)) assert.ok(!stored.includes(value));
  assert.ok(stored.includes('k2'));
  await rig.close();
  const again = openOn(medium, vault);
  again.apply([put('k3', 'three')]);
  await again.checkpoint();
  assert.equal(textOf(again.store.get(SHARD, 0, bytesOf('k2'))), VALUES[2]);
  assert.deepEqual(pairs(await again.scanNow()), [
    'k0=one',
    'k1=two',
    `k2=${VALUES[2]}`,
    'k3=three',
  ]);
  const { description, bytes } = await again.exportAll();
  const other = openOn(new MemoryMedium(), new Vault(new Random(2)));
  other.create();
  await other.installAll({ description, bytes });
  assert.equal(textOf(other.store.get(SHARD, 0, bytesOf('k2'))), VALUES[2]);
});

test('a flipped bit, a row at the place of another, and a plain row are damage', async () => {
  const vault = new Vault(new Random(3));
  const { medium, rig } = await filled(vault);
  const [one, two] = rowsOf(medium);
  assert.ok(one !== undefined && two !== undefined);
  const [key, sealed] = one;
  const inner = new Uint8Array(sealed.length - HEAD_BYTES - TAG_BYTES);
  const changes: ((value: Uint8Array) => Uint8Array)[] = [
    () => two[1],
    () => inner,
    () => sealed.subarray(0, 12),
    () => new Uint8Array(0),
  ];
  for (let at = 0; at < sealed.length; at++) {
    changes.push((value) => value.map((byte, place) => (place === at ? byte ^ 1 : byte)));
  }
  for (const change of changes) {
    medium.state.damage(key, change);
    await rig.close();
    const again = openOn(medium, vault);
    assert.throws(() => again.store.get(SHARD, 0, bytesOf('k0')), StateDamage);
    await assert.rejects(again.scanNow(), StateDamage);
    assert.equal(textOf(again.store.get(SHARD, 0, bytesOf('k1'))), 'two');
    medium.state.damage(key, () => sealed);
    await again.close();
    rig.openOn(sealedDisk(medium.openNow(), vault.open()));
  }
});

test('a new data key seals what is written from then on, within one life of the store', () => {
  const vault = new Vault(new Random(5));
  const keyring = vault.open();
  const seal = new RowSeal(keyring);
  const stored = bytesOf('a stored key');
  const first = seal.seal(stored, bytesOf('before'));
  keyring.add(vault.addKey());
  const second = seal.seal(stored, bytesOf('after'));
  // The highest bit is that of short rows.
  const number = new DataView(second.buffer, second.byteOffset).getUint16(0) & 0x7fff;
  assert.equal(number, 2);
  const later = new RowSeal(vault.open());
  assert.equal(textOf(later.open(stored, first)), 'before');
  assert.equal(textOf(later.open(stored, second)), 'after');
  assert.equal(later.open(bytesOf('another key'), second), undefined);
  const older = new RowSeal(new Vault(new Random(5)).open());
  assert.equal(older.open(stored, second), undefined);
});

test('rows of many lives and many seals, short and long, share no nonce and no block', () => {
  const vault = new Vault(new Random(7));
  const stored = bytesOf('a stored key');
  const texts = [0, 7, 16, 300, SHORT_TEXT_BYTES_MAX, SHORT_TEXT_BYTES_MAX + 1, 5000];
  const all: Uint8Array[] = [];
  for (let life = 0; life < 30; life++) {
    const seal = new RowSeal(vault.open());
    for (let row = 0; row < 42; row++) {
      const length = texts[row % texts.length] as number;
      all.push(seal.seal(stored, new Uint8Array(length)));
      assert.equal(seal.open(stored, all.at(-1) as Uint8Array)?.length, length);
    }
  }
  // The ledger of the vault fails on a nonce or a block that is used again.
  assert.equal(vault.ledger.seals, 1260);
  assert.equal(new Set(all.map((bytes) => Buffer.from(bytes).toString('hex'))).size, 1260);
});
