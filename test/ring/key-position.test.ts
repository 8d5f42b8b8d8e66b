/** Keys with one tag lie together; all others lie anywhere. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { hash } from '../../src/base/hash.ts';
import { Random } from '../../src/base/random.ts';
import { arcOf, arcStart, RING_SPAN } from '../../src/ring/arc.ts';
import { keyPosition, tagIn } from '../../src/ring/key-position.ts';

const encoder = new TextEncoder();

/** A key, and the part of it that is hashed. The first six are from the Redis Cluster text. */
const CASES = [
  ['{user1000}.following', 'user1000'],
  ['{user1000}.followers', 'user1000'],
  ['foo{}{bar}', 'foo{}{bar}'],
  ['foo{{bar}}zap', '{bar'],
  ['foo{bar}{zap}', 'bar'],
  ['{}', '{}'],
  ['', ''],
  ['plain', 'plain'],
  ['{open', '{open'],
  ['close}', 'close}'],
  ['}{a}', 'a'],
  ['}a{', '}a{'],
  ['{a}', 'a'],
  ['x{ö€😀}y', 'ö€😀'],
] as const;

test('the first tag alone is hashed, if it is at least one byte', () => {
  for (const [key, hashed] of CASES) {
    assert.equal(keyPosition(encoder.encode(key)), hash(encoder.encode(hashed)), key);
  }
});

test('a prefix with a complete tag has the tag of every key behind it', () => {
  for (const [prefix, hashed] of CASES) {
    const bytes = encoder.encode(prefix);
    const tag = tagIn(bytes);
    assert.equal(tag !== undefined, hashed !== prefix, prefix);
    if (tag === undefined) continue;
    for (const rest of ['}', '{', '{b}', 'x']) {
      assert.equal(keyPosition(encoder.encode(prefix + rest)), keyPosition(bytes), prefix + rest);
    }
  }
});

test('bytes that are no text are hashed too', () => {
  assert.equal(keyPosition(Uint8Array.of(0xff, 0x7b, 0x00, 0x7d)), hash(Uint8Array.of(0)));
  assert.equal(keyPosition(Uint8Array.of(0xff, 0xfe)), hash(Uint8Array.of(0xff, 0xfe)));
});

test('equal arcs cover the ring without a gap, and every position finds its own', () => {
  const random = new Random(11);
  for (const arcs of [1, 2, 3, 7, 16, 100, 1023, 1024, 65_537, 2 ** 20]) {
    assert.equal(arcStart(0, arcs), 0);
    assert.equal(arcStart(arcs, arcs), RING_SPAN);
    for (let round = 0; round < 2000; round++) {
      const arc = random.below(arcs);
      const [start, end] = [arcStart(arc, arcs), arcStart(arc + 1, arcs)];
      assert.ok(start < end);
      for (const position of [start, end - 1, start + random.below(end - start)]) {
        assert.equal(arcOf(position, arcs), arc);
      }
    }
  }
});

test('keys spread evenly over arcs', (t) => {
  const counts = new Array<number>(16).fill(0);
  for (let at = 0; at < 160_000; at++) {
    const arc = arcOf(keyPosition(encoder.encode(`user:${at}`)), 16);
    counts[arc] = (counts[arc] ?? 0) + 1;
  }
  const worst = Math.max(...counts.map((count) => Math.abs(count - 10_000)));
  t.diagnostic(`160 000 keys, 16 arcs: the worst strays ${(worst / 100).toFixed(2)} % from fair`);
  assert.ok(worst < 500);
});
