/** Resume tokens: what they keep, and whose they are. */

import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { clusterDigest } from '../../src/client/core/streams/resume-point.ts';
import { decodeToken, encodeToken, type WatchShape } from '../../src/client/token.ts';

const text = new TextEncoder();
const SHAPE: WatchShape = {
  range: { from: text.encode('user:a'), to: text.encode('user:b') },
  space: text.encode('user:'),
};
const HALF = 2 ** 31;
const POINT = {
  cluster: clusterDigest('mine'),
  arcs: [
    { from: 0, to: HALF, mark: { position: { index: 2 ** 40, term: 7 }, skip: 0 } },
    { from: HALF, to: 2 * HALF, mark: { position: { index: 12, term: 3 }, skip: 5 } },
  ],
};

test('a token keeps a mark for each arc', () => {
  const token = encodeToken(POINT, SHAPE);
  ok(/^[\w-]+$/.test(token), token);
  deepEqual(decodeToken(token, SHAPE), POINT);
});

test('a token of another range or space is refused', () => {
  const token = encodeToken(POINT, SHAPE);
  const others: readonly WatchShape[] = [
    { ...SHAPE, range: { ...SHAPE.range, to: text.encode('user:c') } },
    { ...SHAPE, range: { ...SHAPE.range, from: text.encode('user:') } },
    { ...SHAPE, space: text.encode('') },
  ];
  for (const shape of others) {
    throws(() => decodeToken(token, shape), { code: 'bad-token', outcome: 'notApplied' });
  }
});

test('what is no token is refused, however it is damaged', () => {
  const token = encodeToken(POINT, SHAPE);
  const random = new Random(3);
  const texts = ['', 'x', '!', 'AAAA', `${token}A`, `${token}=`, token.slice(1), ` ${token}`];
  for (let count = 0; count < 2000; count++) {
    const bytes = Buffer.from(token, 'base64url');
    bytes[random.below(bytes.length)] = random.below(256);
    texts.push(bytes.subarray(0, 1 + random.below(bytes.length)).toString('base64url'));
  }
  let refused = 0;
  for (const damaged of texts) {
    try {
      // One byte of a number may be another number: then it names another place, and no more.
      equal(encodeToken(decodeToken(damaged, SHAPE), SHAPE), damaged);
    } catch (error) {
      equal((error as { code?: string }).code, 'bad-token', damaged);
      refused += 1;
    }
  }
  ok(refused > 1000, `${refused} of ${texts.length}`);
});

test('a token that claims a million arcs allocates none', () => {
  const head = Buffer.from([0xdd, 0x00, 0x10, 0x00, 0x00, 1, 1, 1, 1, 1]).toString('base64url');
  throws(() => decodeToken(head, SHAPE), { code: 'bad-token' });
});
