/** Cursors: they continue the scan that they belong to, and no other. */

import { deepEqual, equal, rejects, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { hash } from '../../src/base/hash.ts';
import { Writer } from '../../src/base/message-pack.ts';
import { decodeCursor, encodeCursor, type ScanShape } from '../../src/client/cursor.ts';
import type { ScannedKey, Scanning, ScanOptions } from '../../src/index.ts';
import { connectLocally } from './model/local.ts';

const BAD = { code: 'bad-cursor', outcome: 'notApplied' };
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text));
const SHAPE: ScanShape = {
  range: { from: bytesOf('t2:m'), to: bytesOf('t2:n') },
  isReverse: false,
  space: bytesOf('t2:'),
};

test('a cursor of one space is refused in another', async () => {
  const { client: kv } = await connectLocally();
  const [one, other] = [kv.space('tenant1'), kv.space('t2')];
  for (const name of ['a', 'b', 'c']) await one.set(name, `secret-${name}`);
  await other.set('mine', 'x');
  const cursor = await cursorAfter(one, 1, {});
  await rejects(keysOf(other, { cursor }), BAD);
  await rejects(keysOf(kv.space('tenant1').space('a'), { cursor }), BAD);
  await rejects(keysOf(kv, { cursor }), BAD);
  deepEqual(await keysOf(one, { cursor }), ['b', 'c']);
  deepEqual(await keysOf(kv.space('tenant1'), { cursor }), ['b', 'c'], 'spaces are their names');
  await kv.close();
});

test('a cursor fits only the range and the direction of its scan', async () => {
  const { client: kv } = await connectLocally();
  for (const name of ['a1', 'a2', 'a3', 'b1']) await kv.set(name, 0);
  const cursor = await cursorAfter(kv, 1, { prefix: 'a' });
  deepEqual(await keysOf(kv, { prefix: 'a', cursor }), ['a2', 'a3']);
  deepEqual(await keysOf(kv, { from: 'a', to: 'b', cursor }), ['a2', 'a3']);
  deepEqual(await keysOf(kv, { prefix: 'a', cursor, limit: 1, keysOnly: true }), ['a2']);
  await rejects(keysOf(kv, { cursor }), BAD);
  await rejects(keysOf(kv, { prefix: 'b', cursor }), BAD);
  await rejects(keysOf(kv, { prefix: 'a', reverse: true, cursor }), BAD);
  throws(() => kv.scan({ prefix: 'b', cursor }).cursor, BAD);
  const back = await cursorAfter(kv, 1, { prefix: 'a', reverse: true });
  deepEqual(await keysOf(kv, { prefix: 'a', reverse: true, cursor: back }), ['a2', 'a1']);
  await kv.close();
});

test('a cursor may be taken before the first entry and after the last one', async () => {
  const { client: kv } = await connectLocally();
  for (const name of ['a', 'b', 'c']) await kv.set(name, 0);
  deepEqual(await keysOf(kv, { cursor: kv.scan().cursor }), ['a', 'b', 'c']);
  const first = await cursorAfter(kv, 1, {});
  equal(kv.scan({ cursor: first }).cursor, first);
  const second = await cursorAfter(kv, 1, { cursor: first });
  deepEqual(await keysOf(kv, { cursor: second }), ['c']);
  const third = await cursorAfter(kv, 3, {});
  deepEqual(await keysOf(kv, { cursor: third }), []);
  await kv.close();
});

test('a forged or truncated cursor is refused, or stays in its range', () => {
  equal(decodeCursor(encodeCursor(SHAPE, undefined), SHAPE), undefined);
  const sound = encodeCursor(SHAPE, bytesOf('t2:mine'));
  deepEqual(decodeCursor(sound, SHAPE), bytesOf('t2:mine'));
  for (let end = 0; end < sound.length; end++) {
    throws(() => decodeCursor(sound.slice(0, end), SHAPE), BAD);
  }
  throws(() => decodeCursor(`${sound}AAAA`, SHAPE), BAD);
  for (const key of ['l', 'n', 'z', '']) throws(() => decodeCursor(forged(key), SHAPE), BAD);
  throws(() => decodeCursor(forged('m', 1), SHAPE), BAD, 'of another version');
  deepEqual(decodeCursor(forged('mx'), SHAPE), bytesOf('t2:mx'), 'the forger knows the format');
});

interface Scannable {
  scan(options: ScanOptions): Scanning<ScannedKey>;
}

/** As `encodeCursor` would make it, of any position. */
function forged(position: string, version = 2): string {
  const writer = new Writer();
  writer.bytes(SHAPE.space);
  writer.bytes(SHAPE.range.from);
  writer.bytes(SHAPE.range.to);
  writer.truth(SHAPE.isReverse);
  const shape = writer.take();
  writer.clear();
  writer.array(4);
  writer.count(version);
  writer.count(hash(shape, 0));
  writer.count(hash(shape, 1));
  writer.bytes(bytesOf(position));
  return Buffer.from(writer.take()).toString('base64url');
}

async function cursorAfter(space: Scannable, count: number, options: ScanOptions): Promise<string> {
  const scan = space.scan({ ...options, limit: count });
  for await (const _ of scan);
  return scan.cursor;
}

async function keysOf(space: Scannable, options: ScanOptions): Promise<unknown[]> {
  const keys: unknown[] = [];
  for await (const { key } of space.scan(options)) keys.push(key);
  return keys;
}
