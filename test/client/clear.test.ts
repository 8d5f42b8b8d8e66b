/** Clearing: every key of the range goes, no other one, and what is left can be resumed. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { clearRange } from '../../src/client/clearing.ts';
import type { Client } from '../../src/client/client.ts';
import type { Key } from '../../src/client/key.ts';
import { CLIENT_LIMITS } from '../../src/client/limits.ts';
import type { RangeOptions } from '../../src/client/range-options.ts';
import type { KeysOptions } from '../../src/client/scanning.ts';
import { decodeBatch } from '../../src/machine/batch.ts';
import { clusterOf, connectLocally } from './model/local.ts';

const { clearKeysMax } = CLIENT_LIMITS;
const ALL = new Uint8Array(0);

async function fill(kv: Client, prefix: string, count: number): Promise<void> {
  const keys = Array.from({ length: count }, (_, at) => `${prefix}${String(at).padStart(6, '0')}`);
  await Promise.all(keys.map((key) => kv.set(key, 1)));
}

test('clear deletes the keys of a range and no others, page by page', async () => {
  const { client: kv, frames } = await connectLocally();
  await fill(kv, 'a', clearKeysMax + 100);
  await fill(kv, 'b', 3);
  frames.length = 0;
  const told: number[] = [];
  const options = { onProgress: ({ deleted }: { deleted: number }) => told.push(deleted) };
  deepEqual(await kv.clear({ prefix: 'a' }, options), { deleted: clearKeysMax + 100 });
  deepEqual(told, [clearKeysMax, clearKeysMax + 100]);
  equal(await kv.count({ prefix: 'a' }), 0);
  equal(await kv.count(), 3);
  deepEqual(await kv.clear({ prefix: 'a' }), { deleted: 0 });
  // The keys of a page travel together, not one by one.
  const writes = frames.flat().filter((request) => request.type === 'write');
  ok(writes.length <= 2 * 4, `${writes.length} batches for two pages of four shards`);
  for (const { batch } of writes) {
    const commands = decodeBatch(batch)?.commands ?? [];
    ok(commands.flat().every(({ type }) => type === 'delete'));
  }
  await kv.close();
});

test('clear stops at its limit, and goes on from its cursor', async () => {
  const { client: kv } = await connectLocally();
  await fill(kv, 'a', 25);
  const first = await kv.clear({ prefix: 'a' }, { limit: 10 });
  equal(first.deleted, 10);
  deepEqual(await firstOf(kv), 'a000010');
  const cursor = first.cursor ?? '';
  const second = await kv.clear({ prefix: 'a' }, { limit: 10, cursor });
  equal(second.deleted, 10);
  await kv.set('a000000', 'written again, before the cursor');
  const last = await kv.clear({ prefix: 'a' }, { limit: 10, cursor: second.cursor ?? '' });
  deepEqual(last, { deleted: 5 });
  deepEqual(await firstOf(kv), 'a000000');
  await rejects(kv.clear({ prefix: 'b' }, { cursor }), { code: 'bad-cursor' });
  await kv.close();
});

async function firstOf(kv: Client): Promise<unknown> {
  for await (const { key } of kv.scan({ limit: 1 })) return key;
  return undefined;
}

test('a clear is complete whatever its requests meet, and a later write stays', async () => {
  const faults = { overload: 0.05, notHere: 0.02, tooMuch: 0.1, forward: 0.5, giveWay: 0.1 };
  const { client: kv } = await connectLocally({}, clusterOf(faults));
  await fill(kv, 'a', 300);
  let written: Promise<unknown> = Promise.resolve();
  const onProgress = () => {
    written = kv.set('a000007', 'written after its page');
  };
  deepEqual(await kv.clear({ prefix: 'a' }, { onProgress }), { deleted: 300 });
  await written;
  equal((await kv.get('a000007'))?.value, 'written after its page');
  equal(await kv.count(), 1);
  await kv.close();
});

test('a clear that fails has no delete open any more', async () => {
  const { client: kv } = await connectLocally();
  await fill(kv, 'a', 3);
  let open = 0;
  const home = {
    rangeOf: ({ prefix = '' }: RangeOptions) => ({ from: Buffer.from(String(prefix)), to: ALL }),
    keys: (options: KeysOptions) => kv.keys(options),
    delete: async (key: Key) => {
      open += 1;
      // The first one fails at once; the others take longer.
      if (open === 1) throw new RangeError('the first key');
      await pause(20);
      const result = await kv.delete(key);
      open -= 1;
      return result;
    },
  };
  await rejects(clearRange(home, { prefix: 'a' }, {}), RangeError);
  equal(open, 1, 'only the one that failed did not end');
  equal(await kv.count(), 1);
  await kv.close();
});

test('everything is deleted only if the call says so', async () => {
  const { client: kv } = await connectLocally();
  await kv.set('a', 1);
  const users = kv.space('user');
  await users.set('7', 1);
  const refusal = { code: 'invalid-argument', outcome: 'notApplied' } as const;
  await rejects(kv.clear({}), refusal);
  await rejects(kv.clear({ prefix: undefined } as never), refusal);
  await rejects(users.clear({}), refusal);
  await rejects(kv.clear({ prefix: 'a', everything: true } as never), refusal);
  equal(await kv.count(), 2);
  deepEqual(await users.clear({ everything: true }), { deleted: 1 });
  equal(await kv.count(), 1);
  deepEqual(await kv.clear({ everything: true }), { deleted: 1 });
  equal(await kv.count(), 0);
  await kv.close();
});

test('an abort and an exception of the caller end a clear, and the rest stays', async () => {
  const { client: kv } = await connectLocally();
  await fill(kv, 'a', clearKeysMax + 50);
  const controller = new AbortController();
  const { signal } = controller;
  const onProgress = () => controller.abort();
  await rejects(kv.clear({ prefix: 'a' }, { signal, onProgress }), { code: 'aborted' });
  equal(await kv.count(), 50);
  const failing = () => {
    throw new RangeError('of the caller');
  };
  await rejects(kv.clear({ prefix: 'a' }, { onProgress: failing }), RangeError);
  equal(await kv.count(), 0);
  await kv.close();
});
