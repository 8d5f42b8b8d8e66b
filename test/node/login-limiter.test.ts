/** How often passwords may be tried: by failures, by address, by user; and what is remembered. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { LOGIN_LIMITS } from '../../src/access/limits.ts';
import { LoginLimiter, networkOf } from '../../src/node/login-limiter.ts';

const ANN = { user: 'ann', address: '10.0.0.1:50000' };
const { failuresFree, waitMillisecondsMin, waitMillisecondsMax } = LOGIN_LIMITS;
const { addressAttempts, addressMilliseconds, userAttempts, rememberedMax } = LOGIN_LIMITS;

/** Fails as soon as it may, so often; returns the waits. */
function waitsOf(limiter: LoginLimiter, count: number): readonly number[] {
  let now = 1000;
  return Array.from({ length: count }, () => {
    let waited = 0;
    for (let wait = limiter.begin(ANN, now); wait > 0; wait = limiter.begin(ANN, now)) {
      now += wait;
      waited += wait;
    }
    return waited;
  });
}

test('each failure beyond the free ones doubles the wait, up to the longest', () => {
  const waits = waitsOf(new LoginLimiter(), failuresFree + 14);
  for (const [at, wait] of waits.entries()) {
    const doubled = at < failuresFree ? 0 : waitMillisecondsMin * 2 ** (at - failuresFree);
    ok(wait >= Math.min(doubled, waitMillisecondsMax), `attempt ${at} waited ${wait}`);
    ok(wait <= Math.max(Math.min(doubled, waitMillisecondsMax), addressMilliseconds));
  }
});

test('attempts at the same time do not escape: each counts from its beginning', () => {
  const limiter = new LoginLimiter();
  const begun = Array.from({ length: 8 }, () => limiter.begin(ANN, 5)).filter((wait) => wait === 0);
  equal(begun.length, failuresFree);
});

test('a success forgets the failures of its user from its address, and of no other', () => {
  const limiter = new LoginLimiter();
  const bob = { ...ANN, user: 'bob' };
  for (let count = 0; count < failuresFree; count++) {
    limiter.begin(ANN, 0);
    limiter.begin(bob, 0);
  }
  ok(limiter.begin(ANN, 0) > 0);
  limiter.succeed(ANN);
  equal(limiter.begin(ANN, 0), 0);
  ok(limiter.begin(bob, 0) > 0, 'bob still has to wait');
});

test('failures are forgotten after the longest wait', () => {
  const limiter = new LoginLimiter();
  for (let count = 0; count < failuresFree; count++) limiter.begin(ANN, 0);
  ok(limiter.begin(ANN, 0) > 0);
  const later = waitMillisecondsMin + waitMillisecondsMax + 1;
  for (let count = 0; count < failuresFree; count++) equal(limiter.begin(ANN, later), 0);
});

test('one address may try so many, for any users, and whether it succeeds or not', () => {
  for (const doesSucceed of [false, true]) {
    const limiter = new LoginLimiter();
    let begun = 0;
    for (let count = 0; count < 100; count++) {
      const attempt = { user: doesSucceed ? 'ann' : `u${count}`, address: `10.0.0.1:${count}` };
      if (limiter.begin(attempt, 0) > 0) continue;
      begun += 1;
      if (doesSucceed) limiter.succeed(attempt);
    }
    equal(begun, addressAttempts);
    const wait = limiter.begin({ user: 'ann', address: '10.0.0.1:9' }, 0);
    equal(wait, addressMilliseconds);
    equal(limiter.begin({ user: 'ann', address: '10.0.0.1:9' }, wait), 0);
    equal(limiter.begin({ user: 'eve', address: '10.0.0.2:9' }, 0), 0, 'another address');
  }
});

test('one user is tried so often, from however many addresses', () => {
  const limiter = new LoginLimiter();
  const begun = Array.from({ length: 200 }, (_, at) => {
    return limiter.begin({ user: 'ann', address: `10.0.1.${at}:9` }, 0);
  }).filter((wait) => wait === 0);
  equal(begun.length, userAttempts);
  equal(limiter.begin({ user: 'bob', address: '10.0.2.1:9' }, 0), 0);
});

test('what is remembered is bounded, and a flood of others does not end a long wait', () => {
  const limiter = new LoginLimiter();
  let now = 0;
  for (let count = 0; count < failuresFree + 8; count++) now += limiter.begin(ANN, now);
  while (limiter.begin(ANN, now) === 0) now += 1;
  for (let count = 0; count < rememberedMax * 2; count++) {
    limiter.begin({ user: `u${count}`, address: `10.${count >> 8}.0.${count & 255}:9` }, now);
  }
  ok(limiter.size <= 3 * rememberedMax);
  ok(limiter.begin(ANN, now) > 0, 'it is remembered');
});

test('addresses of one network count as one: of IPv6 the first 64 bits, from any port', () => {
  const same = [
    '2001:db8:1:2::1',
    '2001:db8:1:2:3:4:5:6',
    '2001:db8:1:2:ffff::',
    '2001:db8:1:2::%e',
  ];
  for (const address of same) equal(networkOf(`${address}:50123`), '2001:db8:1:2', address);
  equal(networkOf('::1:7'), '0:0:0:0');
  equal(networkOf('::ffff:10.0.0.1:7'), '10.0.0.1');
  equal(networkOf('10.0.0.1:7'), '10.0.0.1');
  equal(networkOf('10.0.0.1:8'), '10.0.0.1');
  ok(networkOf('2001:db8:1:3::1:7') !== networkOf('2001:db8:1:2::1:7'));
  equal(networkOf(''), '');
});
