/** The types of the library, compiled as an application would. */

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { isKvError } from '../../src/base/errors.ts';
import { shouldRetry } from '../../src/base/retry-advice.ts';
import type { Client } from '../../src/client/client.ts';
import type { Entries, Entry, ScannedKey } from '../../src/client/encoding.ts';
import type { Lease } from '../../src/client/lease.ts';
import type { Lock } from '../../src/client/lock.ts';
import type { Space } from '../../src/client/space.ts';
import type { Transaction } from '../../src/client/transaction.ts';
import type { ChangeEvent, KeyEvent, Watch, WatchEvent } from '../../src/client/watch.ts';
import type { SetOptions } from '../../src/client/write-options.ts';

interface User {
  readonly name: string;
}

type IsSame<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Awaits<F extends (...all: never[]) => unknown> = Awaited<ReturnType<F>>;

/** Whether the property is there without a look at which of the types it is. */
type HasValue<E> = 'value' extends keyof E ? true : false;

/** What no call accepts in place of a key. */
type IsNoKey<T> = [T] extends [Parameters<Client['get']>[0]] ? false : true;

/** Options that `set` refuses, and `semaphore`. */
type IsNoSet<T> = [T] extends [SetOptions] ? false : true;
type IsNoPermit<T> = [T] extends [Parameters<Client['semaphore']>[2]] ? false : true;

const facts: readonly boolean[] = [
  true satisfies IsSame<Awaits<Space<User>['get']>, Entry<User> | undefined>,
  true satisfies IsSame<Parameters<Space<User>['set']>[1], User>,
  true satisfies IsSame<Awaits<Space<User>['getMany']>[number], Entry<User> | undefined>,
  true satisfies IsSame<
    Entries<User, readonly ['7', '8']>,
    readonly [Entry<User> | undefined, Entry<User> | undefined]
  >,
  true satisfies IsSame<Awaits<Client['add']>, bigint>,
  true satisfies IsSame<Awaits<Client['append']>, number>,
  true satisfies IsSame<Awaits<Client['touch']>, boolean>,
  true satisfies IsSame<Awaits<Client['count']>, number>,
  true satisfies IsSame<Parameters<ReturnType<Space<User>['atomic']>['set']>[1], User>,
  true satisfies IsSame<ReturnType<Client['close']>, Promise<void>>,
  true satisfies IsSame<Awaits<Transaction<User>['get']>, Entry<User> | undefined>,
  true satisfies IsSame<Parameters<Transaction<User>['set']>[1], User>,
  true satisfies IsNoKey<null>,
  true satisfies IsNoKey<undefined>,
  true satisfies IsNoKey<string | undefined>,
  true satisfies IsNoKey<number>,
  true satisfies IsNoKey<readonly [string, null]>,
  true satisfies IsNoKey<readonly [string, undefined]>,
  true satisfies IsNoKey<readonly [readonly [string]]>,
  false satisfies IsNoKey<readonly [string, number, bigint, boolean, Uint8Array]>,
  true satisfies IsNoSet<{ readonly lease: Lease; readonly ttl: number }>,
  false satisfies IsNoSet<{ readonly lease: Lease; readonly fence: Lock }>,
  false satisfies IsNoSet<{ readonly ttl: number; readonly ifVersion: number }>,
  true satisfies IsNoPermit<{ readonly shared: true }>,
  true satisfies IsNoPermit<{ readonly shared: false }>,
  false satisfies IsNoPermit<{ readonly wait: number; readonly lease: Lease }>,
];

/** Compiled, and never run. */
async function examples(kv: Client): Promise<void> {
  const users = kv.space<User>('user');
  const entry = await users.get('7', { read: { stale: { maxMs: 500 } }, timeout: 50 });
  const name: string | undefined = entry?.value.name;
  const pair: Entries<User, readonly ['7', readonly ['order', 1]]> = await users.getMany([
    '7',
    ['order', 1],
  ]);
  const two: 2 = pair.length;
  const [one] = await users.snapshot<User & { readonly id: string }>(['7']);
  const many: readonly (Entry<number> | undefined)[] = await kv.getMany<number>(['a', 'b']);
  String(one?.value.id) + many.length + two;
  const done = await kv.set('k', name, { ttl: 1000, ifVersion: entry?.version ?? 0 });
  const version: number = done.ok ? done.version : done.version;
  const { version: second } = await kv.set('k', 1, { ttl: 5 });
  const wasThere: boolean = (await users.delete('7')).wasThere;
  const guarded = await users.delete('7', { ifVersion: second });
  if (!guarded.ok && wasThere) String(guarded.key);
  await kv.atomic().check({ key: 'k', version }).set('k', 1).add('n', 1n).delete('b').commit();
  const sum: number = await kv.transaction(async (tx) => {
    const a = await tx.get<number>('a');
    tx.set('b', (a?.value ?? 0) + 1).delete('c');
    const inside = tx.in(users);
    const [same, counts] = tx.in(users, kv.space<number>('count'));
    true satisfies IsSame<typeof same, Transaction<User>>;
    true satisfies IsSame<typeof counts, Transaction<number>>;
    inside.set('7', { name: (await inside.get('7'))?.value.name ?? '' });
    for await (const { value } of inside.scan({ prefix: 'a', limit: 1 })) String(value?.name);
    return a?.value ?? 0;
  });
  const together = await kv.atomic().set('a', sum).set('b', 1).commit();
  if (together.ok) await kv.set('b', 2, { ifVersion: together.versionOf('b') });
  for await (const { value: found } of users.scan({ limit: 3 })) String(found.name);
  for await (const { value: count } of kv.scan<number>()) String(count + 1);
  for await (const key of users.keys({ prefix: 'a' })) String(key);
  const watched = users.watch({ changesOnly: true });
  true satisfies IsSame<typeof watched, Watch<ChangeEvent<User>>>;
  true satisfies IsSame<ReturnType<typeof users.watch<User>>, Watch<WatchEvent<User> | KeyEvent>>;
  for await (const event of kv.watch<User>({ keysOnly: true })) {
    // None was asked for, whatever the type of values is.
    if (event.type === 'set') false satisfies HasValue<typeof event>;
  }
  for await (const event of kv.watch({ keysOnly: true, changesOnly: true })) {
    true satisfies IsSame<typeof event, KeyEvent>;
  }
  for await (const event of kv.watch<User>({ keysOnly: wasThere, changesOnly: true })) {
    if (event.type === 'set' && 'value' in event) true satisfies IsSame<typeof event.value, User>;
  }
  const onlyKeys = users.scan({ keysOnly: true });
  for await (const entry of onlyKeys) true satisfies IsSame<typeof entry, ScannedKey>;
  const either = users.scan({ keysOnly: wasThere });
  for await (const entry of either) if ('value' in entry) String(entry.value.name);
  await kv.atomic().in(users).set('7', { name: 'Ada' }).absent('8').check('9', 3).commit();
  for await (const { key, value } of users.scan({ prefix: 'a', limit: 3 }))
    String(key) + value?.name;
}

/** Its types are what is tested. */
function handle(error: unknown): string {
  if (shouldRetry(error, { idempotent: true })) return 'again';
  if (!isKvError(error)) return 'none of ours';
  return `${error.code} ${error.attempts.map(({ count = 1 }) => count).join()}`;
}

test('the types describe the results', () => {
  equal(facts.length, 26);
  equal(typeof examples, 'function');
  equal(handle(1), 'none of ours');
});
