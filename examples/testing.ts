/**
 * Tests of an application, on a cluster in memory: no server, no folder, and no waiting. Time moves
 * when the test moves it, and the leader crashes when the test wants it to.
 *
 *     node build/examples/testing.js
 *
 * A call whose outcome is `unknown` can be tested as well: crash the leader while a call is open,
 * and read afterwards whether it took effect.
 */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from 'ringkv';
import { testkit } from 'ringkv/testkit';

/** The code under test: three wrong passwords lock an account for a quarter of an hour. */
class Accounts {
  readonly #kv: Client;

  constructor(kv: Client) {
    this.#kv = kv;
  }

  async signIn(user: string, password: string): Promise<'welcome' | 'wrong' | 'locked'> {
    const failures = await this.#kv.get<bigint>(['failures', user]);
    if (Number(failures?.value ?? 0) >= 3) return 'locked';
    if (password === 'secret') return 'welcome';
    await this.#kv.add(['failures', user], 1, { ttl: 15 * 60_000 });
    return 'wrong';
  }
}

test('three wrong passwords lock an account, for a quarter of an hour', async () => {
  await using kit = await testkit();
  const accounts = new Accounts(kit.kv());
  for (let tries = 0; tries < 3; tries++) equal(await accounts.signIn('ada', 'guess'), 'wrong');
  equal(await accounts.signIn('ada', 'secret'), 'locked');
  await kit.clock.advance(14 * 60_000);
  equal(await accounts.signIn('ada', 'secret'), 'locked');
  await kit.clock.advance(2 * 60_000);
  equal(await accounts.signIn('ada', 'secret'), 'welcome');
});

test('a server that crashes does not unlock an account', async () => {
  await using kit = await testkit({ nodes: 3 });
  const accounts = new Accounts(kit.kv());
  for (let tries = 0; tries < 3; tries++) {
    equal(await accounts.signIn('ada', 'guess'), 'wrong');
    await kit.faults.crashLeader(['failures', 'ada']);
    kit.faults.heal();
  }
  equal(await accounts.signIn('ada', 'secret'), 'locked');
});

test('while a majority is cut off a sign-in fails, and does not let anyone in', async () => {
  await using kit = await testkit({ nodes: 3 });
  const accounts = new Accounts(kit.kv());
  equal(await accounts.signIn('ada', 'secret'), 'welcome');
  for (const node of [2, 3]) kit.faults.cut(node);
  const results = await Promise.allSettled([accounts.signIn('ada', 'secret')]);
  deepEqual(
    results.map(({ status }) => status),
    ['rejected'],
  );
  ok(kit.clock.now > 10_000, 'the call ended at its timeout, in virtual time');
});
