/** Hellos are read as they were written, and nothing else is taken for one. */

import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId } from '../../src/base/ids.ts';
import { WORDS_MAX } from '../../src/base/life.ts';
import { WIRE_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import { decodeHello, encodeHello, type Hello } from '../../src/wire/hello.ts';
import { byEffort } from '../support/effort.ts';

const greeting = { versionMin: 1, versionMax: 1, features: [] };
const limits = { keyBytesMax: 4096, valueBytesMax: 1e6, frameBytesMax: 8e6, batchBytesMax: 4e6 };
const peer: Hello = {
  type: 'peer',
  ...greeting,
  cluster: 'k7Qz',
  from: 3 as NodeId,
  to: 70_000 as NodeId,
  lineage: { incarnation: 12, words: [7, 4_294_967_295, 0] },
  generation: 400,
  lane: 'bulk',
  isGuarded: true,
  nonce: Uint8Array.from({ length: 16 }, (_, at) => at * 16),
};
const client: Hello = { type: 'client', ...greeting, cluster: '' };
const node: Hello = {
  type: 'node',
  ...greeting,
  cluster: 'k7Qz',
  node: 3 as NodeId,
  incarnation: 12,
  limits,
};

function changed(hello: Hello, change: object): Uint8Array {
  return encodeHello({ ...hello, ...change } as Hello);
}

test('a hello decodes to what was encoded', () => {
  for (const hello of [peer, client, node]) {
    deepEqual(decodeHello(encodeHello(hello)), hello);
    const wide = { ...hello, versionMax: 900, features: [0, 7, 1000] };
    deepEqual(decodeHello(encodeHello(wide)), wide);
  }
  const known: Hello = { ...client, cluster: 'a'.repeat(64) };
  deepEqual(decodeHello(encodeHello(known)), known);
  const words = Array.from({ length: WORDS_MAX }, (_, at) => 0xffff_ffff - at);
  const old: Hello = { ...peer, cluster: 'a'.repeat(64), lineage: { incarnation: 9000, words } };
  deepEqual(decodeHello(encodeHello(old)), old);
});

test('a hello of another version is distinguished from garbage, whatever follows', () => {
  const answer = { type: 'other-version', versionMin: 2, versionMax: 5 };
  const bytes = changed(client, { versionMin: 2, versionMax: 5 });
  deepEqual(decodeHello(bytes), answer);
  bytes[bytes.length - 3] = 0xc1;
  deepEqual(decodeHello(bytes), answer);
});

test('an inconsistent hello is refused', () => {
  const nonsense: readonly (readonly [Hello, object])[] = [
    [peer, { cluster: '' }],
    [node, { cluster: '' }],
    [client, { cluster: 'with space' }],
    [client, { cluster: 'line\nbreak' }],
    [client, { cluster: 'é' }],
    [client, { features: [2, 1] }],
    [client, { features: [1, 1] }],
    [client, { features: Array.from({ length: 65 }, (_, at) => at) }],
    [client, { versionMin: 0 }],
    [client, { versionMin: 2 }],
    [peer, { from: 0 }],
    [peer, { to: 0 }],
    [peer, { to: 3 }],
    [peer, { lineage: { incarnation: 1, words: [] } }],
    [peer, { lineage: { incarnation: 1, words: Array(WORDS_MAX + 1).fill(1) } }],
    [node, { node: 0 }],
  ];
  for (const [hello, change] of nonsense) {
    equal(decodeHello(changed(hello, change)), undefined, JSON.stringify(change));
  }
  throws(() => changed(client, { cluster: 'a'.repeat(65) }), 'no name is that long');
  const text = new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n');
  for (const bytes of [new Uint8Array(0), text, new Uint8Array(WIRE_LIMITS.helloBytesMax + 1)]) {
    equal(decodeHello(bytes), undefined);
  }
  const whole = encodeHello(peer);
  for (let length = 0; length < whole.length; length++) {
    equal(decodeHello(whole.subarray(0, length)), undefined, `cut to ${length}`);
  }
  equal(decodeHello(Uint8Array.of(...whole, 0)), undefined);
});

const ROUNDS = byEffort({ full: 200_000, brief: 20_000 });

test('mutated hellos are refused, or encode to the same bytes', () => {
  const random = new Random(31);
  const corpus = [peer, client, node, { ...peer, features: [1, 300] }].map(encodeHello);
  let understood = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = random.pick(corpus).slice();
    for (let change = random.between(1, 3); change > 0; change--) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    const hello = decodeHello(random.chance(0.1) ? bytes.subarray(random.below(9)) : bytes);
    if (hello === undefined || hello.type === 'other-version') continue;
    understood += 1;
    deepEqual(encodeHello(hello), bytes);
  }
  ok(understood > ROUNDS / 100 && understood < ROUNDS * 0.75, `understood ${understood}`);
});
