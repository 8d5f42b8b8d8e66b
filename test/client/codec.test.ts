/** Codecs: what they refuse, and the messages of `unsupported-value`. */

import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { Random } from '../../src/base/random.ts';
import {
  bytes,
  type Codec,
  decodeValue,
  encodeValue,
  json,
  messagePack,
  utf8,
} from '../../src/client/codec.ts';

function refuses<V>(codec: Codec<V>, value: unknown, end: string): void {
  const message = `the codec ${codec.name} cannot encode the value: ${end}`;
  throws(() => encodeValue(codec, value as V), { code: 'unsupported-value', message });
}

test('a part that MessagePack cannot encode is named with its path and type', () => {
  const run = () => {};
  const cycle: unknown[] = [];
  cycle.push(cycle);
  refuses(messagePack, { tags: [1, 'a', {}, { run }] }, 'at value.tags[3].run: function');
  refuses(messagePack, run, 'at value: function');
  refuses(messagePack, undefined, 'at value: undefined');
  refuses(messagePack, [Symbol('a')], 'at value[0]: symbol');
  refuses(messagePack, { 'a b': { m: new Map() } }, 'at value["a b"].m: Map');
  refuses(messagePack, { at: new Date(Number.NaN) }, 'at value.at: an invalid Date');
  refuses(messagePack, { e: new RangeError('x') }, 'at value.e: Error');
  refuses(messagePack, { n: 2n ** 64n }, 'at value.n: a bigint of more than 64 bits');
  refuses(messagePack, ['\ud800'], 'at value[0]: a text with a lone surrogate');
  const path = `${'[0]'.repeat(64)}`;
  refuses(messagePack, cycle, `at value${path}: nested more than 64 levels, or in a cycle`);
});

test('the other codecs name what they were given instead', () => {
  refuses(bytes, 5, 'at value: number');
  refuses(bytes, 'abc', 'at value: string');
  refuses(utf8, 5, 'at value: number');
  refuses(utf8, 'a\udc00', 'at value: a text with a lone surrogate');
  refuses(json, { a: [{ n: 1n }] }, 'at value.a[0].n: bigint');
  refuses(json, () => {}, 'at value: function');
  const own: Codec<number> = { name: 'own', encode: () => 'x' as never, decode: () => 1 };
  refuses(own, 1, 'its encode returned string, not a Uint8Array');
});

test('what is refused anywhere inside a value has the path that leads to it', () => {
  const random = new Random(7);
  for (let round = 0; round < 500; round++) {
    let value: unknown = () => {};
    let path = '';
    for (let depth = random.below(6); depth > 0; depth--) {
      const at = random.below(3);
      if (random.chance(0.5)) {
        value = [...Array(at).fill(0), value];
        path = `[${at}]${path}`;
      } else {
        value = { a: 1, [`f${at}`]: value };
        path = `.f${at}${path}`;
      }
    }
    refuses(messagePack, value, `at value${path}: function`);
  }
});

test('dates and bytes of another realm are encoded as those of this one', () => {
  const value = runInNewContext('({ at: new Date(5), list: [new Uint8Array([1, 2])] })') as object;
  const decoded = decodeValue(messagePack, encodeValue(messagePack, value), () => 'k');
  deepEqual(decoded, { at: new Date(5), list: [Uint8Array.from([1, 2])] });
  const foreign = runInNewContext('new Uint8Array([7])') as Uint8Array;
  const encoded = encodeValue(bytes, foreign);
  equal(encoded instanceof Uint8Array, true);
  deepEqual(encoded, Uint8Array.from([7]));
});
