/** A program can stand in for a client in its own tests: by a plain object, without a cast. */

import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { Atomic } from '../../src/client/atomic.ts';
import type { Client } from '../../src/client/client.ts';
import type { Entry } from '../../src/client/encoding.ts';
import type { Scanning } from '../../src/client/scanning.ts';
import type { Space } from '../../src/client/space.ts';
import type { Transaction } from '../../src/client/transaction.ts';
import { connectLocally } from './model/local.ts';

function entryOf<V>(key: string, value: V): Entry<V> {
  const fullKey = new TextEncoder().encode(key);
  return { key, value, version: 1, fullKey, expiresAt: undefined, ttl: undefined };
}

/** Only what the program under test calls; the rest of a client as its types want it. */
function fakeClient(values: Map<string, unknown>): Pick<Client, 'get' | 'set' | 'keys' | 'atomic'> {
  const keys: Scanning<string> = {
    cursor: 'end',
    async *[Symbol.asyncIterator]() {
      yield* values.keys();
    },
  };
  return {
    get: async <V>(key: unknown) => {
      const value = values.get(String(key));
      return value === undefined ? undefined : entryOf(String(key), value as V);
    },
    set: async (key: unknown, value: unknown) => {
      values.set(String(key), value);
      return { ok: true, version: 1 } as const;
    },
    keys: () => keys,
    atomic: () => fakeAtomic(values),
  };
}

function fakeAtomic(values: Map<string, unknown>): Atomic<unknown> {
  const atomic: Atomic<unknown> = {
    in: () => {
      throw new Error('not needed');
    },
    check: () => atomic,
    absent: () => atomic,
    set: (key, value) => {
      values.set(String(key), value);
      return atomic;
    },
    delete: () => atomic,
    add: () => atomic,
    min: () => atomic,
    max: () => atomic,
    append: () => atomic,
    touch: () => atomic,
    fence: () => atomic,
    commit: async () => ({ ok: false, key: 'a', version: 3 }),
  };
  return atomic;
}

/** A program that takes what it needs of a client. */
async function rename(kv: Pick<Client, 'get' | 'set' | 'keys'>, to: string): Promise<string[]> {
  const user = await kv.get<{ readonly name: string }>('user:7');
  if (user !== undefined) await kv.set('user:7', { name: to });
  const found: string[] = [];
  for await (const key of kv.keys()) found.push(String(key));
  return found;
}

test('a program runs on an object that has the types of a client', async () => {
  const values = new Map<string, unknown>([['user:7', { name: 'Ada' }]]);
  const fake = fakeClient(values);
  deepEqual(await rename(fake, 'Grace'), ['user:7']);
  deepEqual(values.get('user:7'), { name: 'Grace' });
  const result = await fake.atomic().set('a', 1).commit();
  equal(result.ok, false);
});

function unused(): never {
  throw new Error('the program under test does not need it');
}

/** A new call of `Space` gets a line here. */
function fakeSpace<V>(): Space<V> {
  return {
    get: async () => undefined,
    getMany: unused,
    snapshot: unused,
    set: async () => ({ ok: true, version: 1 }) as const,
    delete: unused,
    add: async () => 1n,
    append: unused,
    touch: async () => true,
    atomic: unused,
    transaction: unused,
    scan: unused,
    keys: unused,
    count: async () => 0,
    isEmpty: async () => true,
    clear: unused,
    watch: unused,
    view: unused,
    space: unused,
    lease: unused,
    lock: unused,
    tryLock: unused,
    withLock: unused,
    semaphore: unused,
    elect: unused,
  };
}

test('a whole client can be an object, and the library refuses its spaces as its own', async () => {
  const fake: Client = {
    ...fakeSpace<unknown>(),
    stats: unused,
    close: async () => {},
    [Symbol.asyncDispose]: unused,
  };
  equal(await fake.touch('a', 1), true);
  const users = fakeSpace<string>();
  const { client: kv } = await connectLocally();
  await rejects(kv.atomic().in(users).set('7', 'Ada').commit(), { code: 'invalid-argument' });
  const work = (tx: Transaction) => void tx.in(users).set('7', 'Ada');
  await rejects(kv.transaction(work), { code: 'invalid-argument' });
  await kv.close();
});
