/** Commands of an encrypted log: bound to their place, and never in the clear. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { KIND, recordBufferOf } from '../../src/storage/log/log-record.ts';
import { scanSegment } from '../../src/storage/log/log-scan.ts';
import { decodePreamble, encodePreamble } from '../../src/storage/log/log-segment.ts';
import { SEAL_BYTES, sealOf } from '../../src/storage/sealing/record-seal.ts';
import { byEffort } from '../support/effort.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { Vault } from '../support/twins/vault.ts';
import { CREATION, command, writing } from './log-contract.ts';
import { appendNow, mustOpen, openNow, rest, TINY } from './log-life.ts';

const SHARD = 7 as ShardId;
const SECRET = 'the secret of a user';
const LIVES = byEffort({ full: 300, brief: 60 });
const WHOLE = { from: 1, to: 1, bytesMax: 1000 };

function bytesIn(files: MemoryFiles): Buffer {
  return Buffer.concat([...files.image().values()]);
}

function textOf(read: unknown): string {
  const [entry] = read as readonly { readonly payload: Uint8Array }[];
  return new TextDecoder().decode(entry?.payload);
}

test('commands are read back from disk, and are nowhere on it in the clear', () => {
  for (const isSealed of [true, false]) {
    const files = new MemoryFiles();
    const vault = new Vault(new Random(1));
    const keyring = () => (isSealed ? vault.open() : undefined);
    const log = mustOpen(files, { keyring: keyring() });
    appendNow(files, log, [CREATION, writing([command(1, 1, SECRET)])]);
    rest(files, log);
    appendNow(files, log, [writing([command(2, 1, SECRET)])]);
    // The last batch is not confirmed, so the next life writes it again.
    files.kill();
    const again = mustOpen(files, { isNew: false, keyring: keyring() });
    assert.equal(textOf(again.reader(SHARD).read(WHOLE)), SECRET);
    // Without encryption the same search finds it.
    assert.equal(bytesIn(files).includes(SECRET), !isSealed);
  }
});

test('without the key, or with another, nothing is opened or changed', () => {
  const files = new MemoryFiles();
  const log = mustOpen(files, { keyring: new Vault(new Random(1)).open() });
  appendNow(files, log, [CREATION, writing([command(1, 1, SECRET)])]);
  files.kill();
  const before = bytesIn(files);
  const opened = openNow(files, { isNew: false });
  assert.match(opened.type === 'refused' ? opened.text : '', /encrypted with data key 1, and this/);
  const vault = new Vault(new Random(1));
  vault.addKey();
  const newer = mustOpen(files, { isNew: false, keyring: vault.open() });
  appendNow(files, newer, [writing([command(2, 1, SECRET)])]);
  files.kill();
  const after = bytesIn(files);
  const older = openNow(files, { isNew: false, keyring: new Vault(new Random(1)).open() });
  assert.match(older.type === 'refused' ? older.text : '', /data key 2, which the file/);
  assert.deepEqual(bytesIn(files), after);
  assert.notDeepEqual(before, after);
});

test('with a newer data key all entries are read, and new segments have that key', () => {
  const files = new MemoryFiles();
  const vault = new Vault(new Random(3));
  const log = mustOpen(files, { keyring: vault.open() });
  appendNow(files, log, [CREATION, writing([command(1, 1, SECRET)])]);
  rest(files, log);
  files.kill();
  vault.addKey();
  const again = mustOpen(files, { isNew: false, keyring: vault.open() });
  appendNow(files, again, [writing([command(2, 1, 'more')])]);
  const read = again.reader(SHARD).read({ from: 1, to: 1, bytesMax: 1000 });
  assert.equal(textOf(read), SECRET);
  const keys = [...files.image()]
    .filter(([name]) => name.endsWith('.log'))
    .map(([, bytes]) => decodePreamble(bytes)?.header.life?.key);
  assert.deepEqual(keys.sort(), [1, 2]);
});

test('a flipped bit of a sealed command is a damaged entry', () => {
  const random = new Random(5);
  for (let run = 0; run < 40; run++) {
    const files = new MemoryFiles();
    const vault = new Vault(random.fork(`${run}`));
    const limits = { ...TINY, cacheBytesMax: 1 };
    const log = mustOpen(files, { keyring: vault.open(), limits });
    appendNow(files, log, [CREATION, writing([command(1, 1, SECRET)])]);
    appendNow(files, log, [writing([command(2, 1, SECRET)])]);
    const [name, bytes] = [...files.image()].find(([one]) => one.endsWith('.log')) ?? ['', NONE];
    const header = decodePreamble(bytes)?.header ?? assert.fail();
    const records = scanSegment(recordBufferOf(bytes), header).flatMap((batch) => batch.records);
    const { offset, length } = records.find(({ kind }) => kind === KIND.command) ?? assert.fail();
    assert.equal(length, SECRET.length + SEAL_BYTES);
    files.flip(name, offset + 48 + random.below(length), random.below(8));
    assert.equal(log.reader(SHARD).read(WHOLE), 'damaged');
  }
});

const NONE = new Uint8Array(0);

test('a sealed command opens as the record that it was, at its place, and in no other life', () => {
  const keyring = new Vault(new Random(7)).open();
  const life = { key: keyring.newest, salt: keyring.salt(16) };
  const segment = { epoch: 3, incarnation: 2, life };
  const name = { kind: KIND.command, shard: SHARD, index: 9, term: 4 };
  const payload = new TextEncoder().encode(SECRET);
  const seal = sealOf(keyring, segment) ?? assert.fail();
  const sealed = seal.seal(name, 4608, payload);
  assert.deepEqual(seal.open(name, 4608, sealed), payload);
  for (const other of [
    { ...name, kind: KIND.repairedCommand },
    { ...name, shard: 8 as ShardId },
    { ...name, index: 10 },
    { ...name, term: 5 },
  ]) {
    assert.equal(seal.open(other, 4608, sealed), undefined);
  }
  assert.equal(seal.open(name, 4616, sealed), undefined);
  assert.equal(seal.open(name, 4608 + 2 ** 32, sealed), undefined);
  for (const other of [
    { ...segment, epoch: 4 },
    { ...segment, incarnation: 3 },
    { ...segment, life: { ...life, salt: keyring.salt(16) } },
  ]) {
    assert.equal(sealOf(keyring, other)?.open(name, 4608, sealed), undefined);
  }
  for (let at = 0; at < sealed.length; at++) {
    const flipped = sealed.slice();
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    assert.equal(seal.open(name, 4608, flipped), undefined);
  }
});

test('each header, plain or sealed, is read back, and one bit of a copy is seen', () => {
  const keyring = new Vault(new Random(9)).open();
  const plain = {
    epoch: 4,
    salt: 77,
    size: 65_536,
    owner: 5,
    incarnation: 2,
    before: 3,
    follows: 8,
    followsEnd: 9000,
    isBoot: true,
  };
  const sealed = { ...plain, life: { key: 2, salt: keyring.salt(16) } };
  for (const header of [plain, sealed]) {
    const whole = encodePreamble(header);
    assert.deepEqual(decodePreamble(whole), { header, isDamaged: false });
    const bits = header === plain ? 12 * 32 : 17 * 32;
    for (let bit = 0; bit < bits; bit++) {
      const flipped = whole.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.deepEqual(decodePreamble(flipped), { header, isDamaged: true });
    }
  }
});

test('two lives that begin from one copy of a folder have no nonce in common', () => {
  const files = new MemoryFiles();
  const vault = new Vault(new Random(11));
  const log = mustOpen(files, { keyring: vault.open() });
  appendNow(files, log, [CREATION, writing([command(1, 1, SECRET)])]);
  rest(files, log);
  files.kill();
  const copy = files.image();
  for (let life = 0; life < 2; life++) {
    files.restore(copy);
    const again = mustOpen(files, { isNew: false, keyring: vault.open() });
    appendNow(files, again, [writing([command(2, 1, `${life}`)])]);
    files.kill();
  }
  // The ledger of the vault fails on a nonce that is used again.
  assert.ok(vault.ledger.seals >= 3);
});

test('no nonce is used twice, whatever ends the lives of a log and tears its tail', () => {
  let seals = 0;
  for (let seed = 1; seed <= LIVES / 6; seed++) {
    const random = new Random(seed);
    const files = new MemoryFiles();
    const vault = new Vault(random.fork('vault'));
    for (let life = 0; life < 6; life++) {
      // The log draws the same numbers in every life: its salts for keys are not among them.
      const log = mustOpen(files, { seed, isNew: life === 0, keyring: vault.open() });
      let last = log.replica(SHARD)?.log.lastIndex ?? 0;
      if (!log.shards.includes(SHARD)) log.append([CREATION], () => {});
      for (let turn = random.between(1, 30); turn > 0; turn--) {
        last += 1;
        log.append([writing([command(last, 1, 'x'.repeat(random.below(400)))])], () => {});
        for (let step = random.below(6); step > 0; step--) files.step();
      }
      if (random.chance(0.2)) files.kill();
      else files.crash(random);
    }
    seals += vault.ledger.seals;
  }
  assert.ok(seals > 5 * LIVES, `${seals} seals`);
});
