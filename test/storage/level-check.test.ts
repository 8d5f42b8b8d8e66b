/** Damage to the files of LevelDB, found before LevelDB opens them. */

import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { crc32c, flippedBit, maskedCrc, unmaskedCrc } from '../../src/storage/state/crc32c.ts';
import { checkLevel } from '../../src/storage/state/level-check.ts';
import { mendLevel } from '../../src/storage/state/level-mend.ts';
import { StateStoreDamaged } from '../../src/storage/state/state.ts';
import { byEffort } from '../support/effort.ts';
import {
  change,
  closeStore,
  copyOf,
  filesOf,
  fill,
  flip,
  openStore,
  temporary,
  wrongRows,
} from './level-folder.ts';

const TABLE = /\.ldb$/;
const TABLE_FLIPS = 60;

test('CRC-32C is that of RFC 3720, at any place and of any length', () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, at) => at);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a91_36aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8_ab43);
  assert.equal(crc32c(ascending), 0x46dd_794e);
  assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe306_9283);
  const long = Uint8Array.from({ length: 100 }, (_, at) => (at * 37) & 0xff);
  for (let from = 0; from < 8; from++) {
    for (let to = from; to < long.length; to++) {
      assert.equal(crc32c(long, from, to), crc32c(long.slice(from, to)));
    }
  }
  assert.equal(unmaskedCrc(maskedCrc(0xdead_beef)), 0xdead_beef);
});

test('the checksum identifies a single flipped bit, and never two', () => {
  const bytes = Uint8Array.from({ length: 4096 }, (_, at) => (at * 31) & 0xff);
  const expected = crc32c(bytes);
  for (const bit of [0, 7, 8, 1000, 4096 * 8 - 1]) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.equal(flippedBit(bytes.length, crc32c(flipped), expected), bit);
    flipped[2000] = (flipped[2000] as number) ^ 1;
    assert.equal(flippedBit(bytes.length, crc32c(flipped), expected), undefined);
  }
});

test('every byte of a table that means something is covered by the check', async (context) => {
  const folder = temporary(context);
  await fill(folder);
  assert.deepEqual((await checkLevel(folder)).damages, []);
  const random = new Random(5);
  let harmless = 0;
  for (const name of filesOf(folder, TABLE)) {
    const path = join(folder, name);
    const { size } = statSync(path);
    const anywhere = Array.from({ length: TABLE_FLIPS }, () => random.below(size * 8));
    // Filter, metaindex and index, and what is between them.
    const atTheEnd = Array.from({ length: TABLE_FLIPS }, (_, at) => size * 8 - 400 - at * 97);
    for (const bit of [...anywhere, ...atTheEnd]) {
      flip(path, bit);
      const { damages } = await checkLevel(folder);
      flip(path, bit);
      // The bytes after the two places in the footer are not read.
      const isPadding = bit >> 3 >= size - 48 && bit >> 3 < size - 8;
      if (damages.length === 0) assert.ok(isPadding, `${name}, bit ${bit}`);
      if (damages.length === 0) harmless += 1;
      else assert.deepEqual(new Set(damages.map(({ file }) => file)), new Set([name]));
    }
  }
  assert.ok(harmless < 4, `${harmless} flips were harmless`);
});

test('a table that is gone, shorter or longer is damage of the keys it had', async (context) => {
  const folder = temporary(context);
  await fill(folder);
  const [name = ''] = filesOf(folder, TABLE);
  const harms: readonly (readonly [RegExp, (path: string) => void])[] = [
    [/is missing/, (path) => rmSync(path)],
    [/has \d+ bytes and was written with/, (path) => truncateSync(path, 100)],
    [/has \d+ bytes and was written with/, (path) => appendFileSync(path, 'x')],
  ];
  for (const [reason, harm] of harms) {
    const copy = copyOf(folder, 'harmed');
    context.after(() => rmSync(copy, { recursive: true, force: true }));
    harm(join(copy, name));
    const { damages } = await checkLevel(copy);
    assert.equal(damages.length, 1);
    assert.match(damages[0]?.text ?? '', reason);
    assert.ok(damages[0]?.keys !== undefined);
  }
});

test('a flipped bit of a manifest is reported, or changes nothing', async (context) => {
  const folder = temporary(context);
  await fill(folder);
  const [name = ''] = filesOf(folder, /^MANIFEST/);
  const path = join(folder, name);
  const { version } = await checkLevel(folder);
  const { size } = statSync(path);
  for (let bit = 0; bit < size * 8; bit += byEffort({ full: 3, brief: 31 })) {
    flip(path, bit);
    const found = await checkLevel(folder);
    flip(path, bit);
    if (found.damages.length === 0) assert.deepEqual(found.version, version, `bit ${bit}`);
  }
});

test('damage in the log is reported if a later batch follows it', async (context) => {
  const folder = temporary(context);
  await fill(folder);
  const [name = ''] = filesOf(folder, /^\d+\.log$/);
  const path = join(folder, name);
  const { size } = statSync(path);
  assert.ok(size > 0);
  // A record that another one follows: the first of two copies of the log's only record.
  const doubled = copyOf(folder, 'doubled');
  context.after(() => rmSync(doubled, { recursive: true, force: true }));
  const bytes = readFileSync(path);
  change(join(doubled, name), () => Buffer.concat([bytes, bytes]));
  for (let bit = 0; bit < size * 8; bit += byEffort({ full: 101, brief: 1009 })) {
    flip(path, bit);
    assert.deepEqual((await checkLevel(folder)).damages, [], `the last record, bit ${bit}`);
    flip(path, bit);
    const isLength = bit >> 3 === 4 || bit >> 3 === 5;
    flip(join(doubled, name), bit);
    const { damages } = await checkLevel(doubled);
    flip(join(doubled, name), bit);
    if (!isLength) assert.equal(damages[0]?.file, name, `a record before another, bit ${bit}`);
  }
});

const FLIPS = byEffort({ full: 40, brief: 8 });

test('after a flip anywhere a store serves what was written, or does not open', async (context) => {
  const folder = temporary(context);
  await fill(folder);
  const names = filesOf(folder, /\.ldb$|^MANIFEST|^CURRENT/);
  const random = new Random(17);
  const outcomes = { refused: 0, harmless: 0 };
  for (let trial = 0; trial < FLIPS; trial++) {
    const copy = copyOf(folder, 'flipped');
    const path = join(copy, names[random.below(names.length)] as string);
    flip(path, random.below(statSync(path).size * 8));
    try {
      const store = await openStore(copy);
      assert.deepEqual(wrongRows(store), []);
      await closeStore(store);
      outcomes.harmless += 1;
    } catch (error) {
      assert.ok(error instanceof StateStoreDamaged, String(error));
      assert.ok(error.message.includes(copy));
      outcomes.refused += 1;
    }
    rmSync(copy, { recursive: true, force: true });
  }
  assert.ok(outcomes.refused > FLIPS * 0.75, JSON.stringify(outcomes));
});

const MENDS = byEffort({ full: 20, brief: 6 });

test('a flipped bit that the checksum names is turned back alone', async (context) => {
  const folder = temporary(context);
  await fill(folder);
  const random = new Random(29);
  for (const name of filesOf(folder, /\.ldb$|^MANIFEST/)) {
    const path = join(folder, name);
    const sound = readFileSync(path);
    let mended = 0;
    for (let trial = 0; trial < MENDS; trial++) {
      flip(path, random.below(sound.length * 8));
      const { damages } = await checkLevel(folder);
      const bits = damages.length === 0 ? [] : await mendLevel(folder, damages);
      if (bits !== undefined && bits.length > 0) {
        mended += 1;
        assert.deepEqual(readFileSync(path), sound);
      }
      change(path, () => sound);
    }
    assert.ok(mended > MENDS / 2, `${mended} of ${MENDS} in ${name}`);
    // Two flipped bits of one block cannot be identified.
    flip(path, 8 * 20);
    flip(path, 8 * 24 + 3);
    const { damages } = await checkLevel(folder);
    assert.equal(await mendLevel(folder, damages), undefined);
    change(path, () => sound);
  }
});

test('a damaged CURRENT is written anew if there is one manifest', async (context) => {
  const folder = temporary(context);
  await fill(folder);
  const path = join(folder, 'CURRENT');
  const sound = readFileSync(path);
  for (const harm of [() => flip(path, 30), () => rmSync(path), () => truncateSync(path, 3)]) {
    harm();
    const { damages } = await checkLevel(folder);
    assert.deepEqual(
      damages.map(({ file }) => file),
      ['CURRENT'],
    );
    assert.ok((await mendLevel(folder, damages)) !== undefined);
    assert.deepEqual(readFileSync(path), sound);
  }
  const [manifest = ''] = filesOf(folder, /^MANIFEST/);
  copyFileSync(join(folder, manifest), join(folder, 'MANIFEST-000999'));
  flip(path, 30);
  const { damages } = await checkLevel(folder);
  assert.equal(await mendLevel(folder, damages), undefined);
});
