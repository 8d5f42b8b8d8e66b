/** Mutated rows, records and key files of an encrypted folder: opened as sealed, or damage. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { KIND } from '../../src/storage/log/log-record.ts';
import {
  NO_KEYS,
  readKeyFiles,
  unwrapKeys,
  withNewKey,
  writeKeyFiles,
} from '../../src/storage/sealing/key-file.ts';
import { BLOCK_BYTES } from '../../src/storage/sealing/key-stream.ts';
import { newLife, sealOf } from '../../src/storage/sealing/record-seal.ts';
import { SHORT_TEXT_BYTES_MAX } from '../../src/storage/sealing/row-cipher.ts';
import { RowSeal } from '../../src/storage/sealing/row-seal.ts';
import { byEffort } from '../support/effort.ts';
import { mutate } from '../support/mutate.ts';
import { Vault } from '../support/twins/vault.ts';

const SHARD = 1 as ShardId;
const ROUNDS = byEffort({ full: 20_000, brief: 2000 });
const LONG = 'y'.repeat(SHORT_TEXT_BYTES_MAX + 1);
const TEXTS = ['', 'a', 'a value that is a secret', 'x'.repeat(300), LONG].map((text) => {
  return new TextEncoder().encode(text);
});

const LOST = new TextEncoder().encode('lost');

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

test('a mutated row, or one under another key, does not open', () => {
  const random = new Random(51);
  const seal = new RowSeal(new Vault(random).open());
  const stored = new TextEncoder().encode('key');
  for (let round = 0; round < ROUNDS; round++) {
    const text = random.pick(TEXTS);
    const sealed = seal.seal(stored, text);
    assert.deepEqual(seal.open(stored, sealed)?.length, text.length);
    const mutant = mutate(random, sealed);
    if (isSame(mutant, sealed)) continue;
    assert.equal(seal.open(stored, mutant), undefined);
    assert.equal(seal.open(mutate(random, stored).slice(0, 2), sealed), undefined);
    const other = seal.seal(stored, text);
    const beginnings = seal.openFirst([mutant, other].map((row) => ({ stored, row })));
    assert.equal(beginnings[0], undefined);
    const length = Math.min(text.length, BLOCK_BYTES);
    assert.ok(isSame(beginnings[1]?.slice(0, length) ?? LOST, text.slice(0, length)));
  }
});

test('mutants of rows of many lives neither open nor disturb the rows beside them', () => {
  const random = new Random(54);
  const vault = new Vault(random);
  const stored = new TextEncoder().encode('key');
  const seals = Array.from({ length: 5 }, () => new RowSeal(vault.open()));
  const reader = new RowSeal(vault.open());
  for (let round = 0; round < ROUNDS / 50; round++) {
    const rows = Array.from({ length: 20 }, () => {
      const text = random.pick(TEXTS);
      const sealed = random.pick(seals).seal(stored, text);
      const row = random.chance(0.3) ? mutate(random, sealed) : sealed;
      return { text, row, stored, isMutant: !isSame(row, sealed) };
    });
    for (const [at, beginning] of reader.openFirst(rows).entries()) {
      const { text, isMutant } = rows[at] as (typeof rows)[number];
      if (isMutant) assert.equal(beginning, undefined);
      else assert.ok(beginning !== undefined && isSame(beginning, text.slice(0, beginning.length)));
    }
  }
});

test('a mutated record, or one at another place, does not open', () => {
  const random = new Random(52);
  const keyring = new Vault(random).open();
  const life = newLife(keyring);
  const seal = sealOf(keyring, { epoch: 3, incarnation: 7, life });
  assert.ok(seal !== undefined);
  for (let round = 0; round < ROUNDS; round++) {
    const name = { kind: KIND.command, shard: SHARD, index: round + 1, term: 2 };
    const text = random.pick(TEXTS);
    const sealed = seal.seal(name, round, text);
    const mutant = mutate(random, sealed);
    if (!isSame(mutant, sealed)) assert.equal(seal.open(name, round, mutant), undefined);
    assert.equal(seal.open(name, round + 1, sealed), undefined);
    assert.equal(seal.open({ ...name, index: round }, round, sealed), undefined);
    assert.ok(isSame(seal.open(name, round, sealed) ?? Buffer.from('?'), text));
  }
});

test('mutated key files are damaged, refused, or hold the keys', (t) => {
  const random = new Random(53);
  const folder = mkdtempSync(join(tmpdir(), 'ringkv-keys-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const randomBytes = (length: number) => {
    return Uint8Array.from({ length }, () => random.below(256));
  };
  const wrapping = randomBytes(32);
  const keys = withNewKey(withNewKey(NO_KEYS, randomBytes), randomBytes);
  writeKeyFiles(folder, keys, { wrapping, randomBytes });
  const path = join(folder, 'keys');
  const whole = readFileSync(path);
  rmSync(join(folder, 'keys.copy'));
  let refused = 0;
  for (let round = 0; round < ROUNDS / 10; round++) {
    writeFileSync(path, mutate(random, whole));
    const found = readKeyFiles(folder);
    if (found === undefined || found === 'damaged') {
      assert.equal(found, 'damaged');
      refused += 1;
      continue;
    }
    const opened = unwrapKeys(found, wrapping);
    if (opened !== undefined) assert.deepEqual(opened, keys);
  }
  assert.ok(refused > ROUNDS / 100, `${refused} are damaged`);
});
