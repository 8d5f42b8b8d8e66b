/** A rate holds in the long run, whatever single requests cost and whatever the clock does. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { TokenBucket } from '../../src/access/token-bucket.ts';
import { Random } from '../../src/base/random.ts';

function bucketOf(perSecond: number, now = 1000): TokenBucket {
  const bucket = new TokenBucket(now);
  bucket.setRate(perSecond, now);
  return bucket;
}

/** How many requests of cost 1 it admits now. */
function admitted(bucket: TokenBucket, now: number): number {
  let count = 0;
  for (; bucket.waitAt(now) === 0; count++) bucket.take(1);
  return count;
}

test('a burst has what one second allows, and then the rate holds', () => {
  const bucket = bucketOf(10);
  equal(admitted(bucket, 1000), 10);
  let count = 0;
  for (let now = 1001; now <= 11_000; now++) count += admitted(bucket, now);
  ok(count >= 99 && count <= 101, `${count} in ten seconds`);
});

test('rest saves up no more than one second', () => {
  const bucket = bucketOf(10);
  admitted(bucket, 1000);
  equal(admitted(bucket, 1_000_000), 10);
});

test('the wait that it names suffices, and nothing shorter does', () => {
  const bucket = bucketOf(3);
  admitted(bucket, 1000);
  bucket.take(2);
  const wait = bucket.waitAt(1000);
  ok(wait > 600 && wait < 1100, `${wait}`);
  ok(bucket.waitAt(1000 + wait - 2) > 0);
  equal(bucket.waitAt(1000 + wait), 0);
});

test('a cost above the rate is admitted, and is paid before anything else', () => {
  const bucket = bucketOf(10);
  equal(bucket.waitAt(1000), 0);
  bucket.take(100);
  const wait = bucket.waitAt(1000);
  ok(wait >= 9000 && wait <= 9001, `${wait}`);
});

test('a debt is bounded: what answers have cost never locks a user out for long', () => {
  const bucket = bucketOf(10);
  for (let at = 0; at < 1000; at++) bucket.take(1_000_000);
  const wait = bucket.waitAt(1000);
  ok(wait > 59_000 && wait <= 60_001, `${wait}`);
});

test('a clock that goes back refills nothing, and then counts from where it was', () => {
  const bucket = bucketOf(10);
  admitted(bucket, 1000);
  equal(admitted(bucket, 0), 0);
  equal(admitted(bucket, 1000), 0);
  equal(admitted(bucket, 1100), 1);
});

test('without a rate everything is admitted, and a new rate begins with a burst', () => {
  const bucket = bucketOf(0);
  bucket.take(1_000_000);
  equal(bucket.waitAt(1000), 0);
  bucket.setRate(5, 2000);
  equal(admitted(bucket, 2000), 5);
});

test('another rate keeps the debt, and the same one changes nothing', () => {
  const bucket = bucketOf(10);
  bucket.take(30);
  bucket.setRate(10, 1000);
  ok(bucket.waitAt(1000) >= 2000);
  bucket.setRate(20, 1000);
  const wait = bucket.waitAt(1000);
  ok(wait >= 1000 && wait <= 1001, `${wait}`);
  bucket.setRate(1, 5000);
  equal(admitted(bucket, 5000), 1, 'no more than the burst of the new rate');
});

test('at any times and for any costs, no more is taken than the rate and one request allow', () => {
  const random = new Random(7);
  for (let round = 0; round < 200; round++) {
    const perSecond = random.between(1, 1000);
    const bucket = bucketOf(perSecond, 0);
    let [now, sum, largest] = [0, 0, 0];
    for (let step = 0; step < 200; step++) {
      now += random.below(300);
      const cost = random.between(1, 500);
      if (bucket.waitAt(now) > 0) continue;
      bucket.take(cost);
      sum += cost;
      largest = Math.max(largest, cost);
    }
    const allowed = perSecond + (perSecond * now) / 1000 + largest;
    const isCut = largest > perSecond * 60;
    ok(isCut || sum <= allowed + 1, `${sum} of ${allowed}`);
  }
});
