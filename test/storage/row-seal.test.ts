/** Sealed rows of many lives, in buffers, and of keys of any length. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { ROW_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import { STATE_LIMITS } from '../../src/storage/limits.ts';
import { Keyring } from '../../src/storage/sealing/keyring.ts';
import { rowCipher, SHORT_TEXT_BYTES_MAX } from '../../src/storage/sealing/row-cipher.ts';
import { RowSeal } from '../../src/storage/sealing/row-seal.ts';
import { sealedDisk } from '../../src/storage/sealing/sealed-disk.ts';
import type { DiskRows, DiskValues, StateDisk } from '../../src/storage/state/state-disk.ts';
import { Place, PREFIX_BYTES } from '../../src/storage/state/state-key.ts';
import { Vault } from '../support/twins/vault.ts';
import { bytesOf, DAMAGEABLE_MEDIA, type Medium, SHARD, StateRig, textOf } from './state-rig.ts';

const STORED = bytesOf('a stored key');
const KEY_BYTES = PREFIX_BYTES + ROW_LIMITS.keyBytesMax;

/** A folder of one data key that counts what is derived for short rows. */
class CountingFolder {
  readonly #random = new Random(31);
  readonly #keys = [{ number: 1, secret: this.#drawn(32) }];
  derived = 0;

  /** Its next life. */
  open(): RowSeal {
    const keyring = new Keyring({
      keys: this.#keys,
      randomBytes: (length) => this.#drawn(length),
      rowCipher: (keys) => {
        this.derived += 1;
        return rowCipher(keys);
      },
    });
    return new RowSeal(keyring);
  }

  #drawn(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#random.below(256));
  }
}

interface LifeRows {
  readonly short: Uint8Array;
  readonly long: Uint8Array;
}

function rowsOfLives(folder: CountingFolder, lives: number): readonly LifeRows[] {
  return Array.from({ length: lives }, () => {
    const seal = folder.open();
    const long = seal.seal(STORED, new Uint8Array(SHORT_TEXT_BYTES_MAX + 1));
    return { short: seal.seal(STORED, new Uint8Array(3)), long };
  });
}

function opens(seal: RowSeal, { short, long }: LifeRows): void {
  assert.equal(seal.open(STORED, short)?.length, 3);
  assert.equal(seal.open(STORED, long)?.length, SHORT_TEXT_BYTES_MAX + 1);
  const rows = [short, long].map((row) => ({ stored: STORED, row }));
  assert.ok(seal.openFirst(rows).every((text) => text !== undefined));
}

test('rows of more lives than are kept open, and the oldest life alone is derived again', () => {
  const folder = new CountingFolder();
  const lives = rowsOfLives(folder, STATE_LIMITS.sealLivesMax + 5);
  const seal = folder.open();
  folder.derived = 0;
  for (const rows of lives) opens(seal, rows);
  assert.equal(folder.derived, lives.length, 'each life is derived once');
  for (const rows of lives.slice(5)) opens(seal, rows);
  assert.equal(folder.derived, lives.length, 'those that are kept are not derived again');
  opens(seal, lives[0] as LifeRows);
  assert.equal(folder.derived, lives.length + 1, 'the oldest one was given up');
  opens(seal, lives[6] as LifeRows);
  assert.equal(folder.derived, lives.length + 1, 'and only one more for it');
});

test('only the keys for the kind of row that is met are derived', () => {
  const folder = new CountingFolder();
  const [rows] = rowsOfLives(folder, 1);
  const seal = folder.open();
  folder.derived = 0;
  assert.ok(rows !== undefined);
  assert.ok(seal.open(STORED, rows.long) !== undefined);
  assert.equal(folder.derived, 0);
  opens(seal, rows);
  assert.equal(folder.derived, 1);
});

test('a row of a data key that the keyring gets later opens then', () => {
  const vault = new Vault(new Random(32));
  const keyring = vault.open();
  const seal = new RowSeal(keyring);
  const key = vault.addKey();
  const row = new RowSeal(vault.open()).seal(STORED, bytesOf('text'));
  assert.equal(seal.open(STORED, row), undefined);
  keyring.add(key);
  assert.equal(textOf(seal.open(STORED, row)), 'text');
});

test('a buffer that is filled with rows of several lives is read as what is in it', () => {
  const folder = new CountingFolder();
  const lives = rowsOfLives(folder, 3);
  const seal = folder.open();
  for (const kind of ['short', 'long'] as const) {
    // As LevelDB returns them. A life that was remembered by a part of the buffer would change.
    const buffer = Buffer.alloc((lives[0] as LifeRows)[kind].length);
    for (const rows of [...lives, ...lives]) {
      buffer.set(rows[kind]);
      assert.ok(seal.open(STORED, buffer) !== undefined, kind);
      assert.deepEqual(new Uint8Array(buffer), rows[kind], 'the row is not changed');
    }
  }
});

test('keys of any length are sealed and opened, and authenticated in full', () => {
  const vault = new Vault(new Random(33));
  const seal = new RowSeal(vault.open());
  for (const length of [KEY_BYTES - 1, KEY_BYTES, KEY_BYTES + 1, 2 * KEY_BYTES]) {
    for (const size of [8, SHORT_TEXT_BYTES_MAX, SHORT_TEXT_BYTES_MAX + 1]) {
      const stored = new Uint8Array(length).fill(5);
      const row = seal.seal(stored, new Uint8Array(size));
      assert.equal(seal.open(stored, row)?.length, size, `${length} and ${size} bytes`);
      const other = stored.map((byte, at) => (at === length - 1 ? byte ^ 1 : byte));
      for (const wrong of [other, stored.subarray(1), STORED]) {
        assert.equal(seal.open(wrong, row), undefined);
        const [first] = seal.openFirst([{ stored: wrong, row }]);
        assert.equal(first, undefined);
      }
    }
  }
});

function sealedOn(disk: StateDisk, vault: Vault): StateDisk {
  return sealedDisk(disk, vault.open());
}

async function answerOf<T>(medium: Medium, ask: (done: (answer: T) => void) => void): Promise<T> {
  const answers: T[] = [];
  ask((answer) => answers.push(answer));
  while (answers.length === 0) await medium.turn();
  return answers[0] as T;
}

for (const newMedium of DAMAGEABLE_MEDIA) {
  const { name } = newMedium();

  test(`${name}: the longest key with a short value is written, read and replaced`, async () => {
    const medium = newMedium();
    const vault = new Vault(new Random(34));
    const rig = new StateRig(medium);
    const disk = await medium.open((cause) => rig.faults.push(cause));
    rig.openOn(sealedOn(disk, vault));
    rig.create();
    const key = new Uint8Array(ROW_LIMITS.keyBytesMax).fill(255);
    for (const size of [10, SHORT_TEXT_BYTES_MAX - 8, 3]) {
      rig.apply([{ section: 0, key, value: new Uint8Array(size) }]);
      await rig.checkpoint();
      assert.equal(rig.store.get(SHARD, 0, key)?.length, size);
      assert.ok(rig.store.hash(SHARD) !== undefined);
    }
    assert.deepEqual([rig.damages, rig.faults], [[], []]);
    await rig.close();
    medium.dispose();
  });

  test(`${name}: a row under a key above the limit reads as damage, not as a failure`, async () => {
    const medium = newMedium();
    const vault = new Vault(new Random(35));
    const disk = await medium.open((cause) => assert.fail(String(cause)));
    const place = new Place(SHARD, 1);
    const foreign = place.key(0, new Uint8Array(ROW_LIMITS.keyBytesMax + 900).fill(65));
    const row = new RowSeal(vault.open()).seal(STORED, new Uint8Array(40));
    await answerOf<void>(medium, (done) => {
      const batch = disk.batch();
      batch.put(foreign, row);
      batch.write(done as () => void);
    });
    const sealed = sealedOn(disk, vault);
    const damaged = [1];
    assert.equal(sealed.get(foreign)?.length, 1);
    const values = await answerOf<DiskValues>(medium, (done) => sealed.getMany([foreign], done));
    assert.deepEqual(values === 'unreadable' ? values : values.map((v) => v?.length), damaged);
    const view = sealed.view();
    const cursor = view.cursor(place.wholeRange());
    const limits = { rowsMax: 10, bytesMax: 1e6 };
    const rows = await answerOf<DiskRows>(medium, (done) => cursor.next(limits, done));
    assert.deepEqual(rows === 'unreadable' ? rows : rows.map(([, value]) => value.length), damaged);
    cursor.close();
    view.close();
    await answerOf<void>(medium, (done) => sealed.close(done as () => void));
    medium.dispose();
  });
}
