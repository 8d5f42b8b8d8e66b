/** Transactions by the public API: what they see, what they validate, and how they end. */

import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import type { Client } from '../../src/client/client.ts';
import { json } from '../../src/client/codec.ts';
import { CLIENT_LIMITS } from '../../src/client/limits.ts';
import type { WithValues } from '../../src/client/scanning.ts';
import type { Transaction, TransactionScanOptions } from '../../src/client/transaction.ts';
import { KvError } from '../../src/index.ts';
import type { Request } from '../../src/wire/request.ts';
import { byEffort } from '../support/effort.ts';
import { clusterOf, connectLocally, keysApart } from './model/local.ts';

/** Two clients of one cluster, which conflict with each other. */
async function twoClients() {
  const cluster = clusterOf();
  const { client: kv, frames } = await connectLocally({}, cluster);
  const { client: rival } = await connectLocally({}, cluster);
  const close = async () => {
    await Promise.all([kv.close(), rival.close()]);
  };
  return { kv, rival, frames, close };
}

async function valuesOf(kv: Client, keys: readonly string[]): Promise<unknown[]> {
  return (await kv.getMany(keys)).map((entry) => entry?.value);
}

test('writes take effect at the end, and the result is what the function returned', async () => {
  const { kv, rival, close } = await twoClients();
  const [a, b, c] = keysApart('k');
  await kv.set(c, 'old');
  const result = await kv.transaction(async (tx) => {
    tx.set(a, 1).set(b, 2).delete(c);
    deepEqual(await valuesOf(rival, [a, b, c]), [undefined, undefined, 'old']);
    return 'done';
  });
  equal(result, 'done');
  deepEqual(await valuesOf(rival, [a, b, c]), [1, 2, undefined]);
  await close();
});

test('a transaction sees what it has written, and what it has read stays the same', async () => {
  const { kv, rival, close } = await twoClients();
  const [a, b, c] = keysApart('k');
  await kv.set(a, 'first');
  let runs = 0;
  await kv.transaction(async (tx) => {
    runs += 1;
    const [one, other] = await Promise.all([tx.get(a), tx.get<string>(a)]);
    deepEqual(one, other);
    if (runs === 1) await rival.set(a, 'second');
    deepEqual(await tx.get(a), one);
    tx.set(b, 1);
    tx.set(b, 2);
    deepEqual({ ...(await tx.get(b)) }, { key: b, value: 2, version: 0 });
    tx.delete(a);
    const [deleted, own, absent] = await tx.getMany([a, b, c]);
    deepEqual(
      [deleted, { ...own }, absent],
      [undefined, { key: b, value: 2, version: 0 }, undefined],
    );
    tx.set(a, one?.value);
  });
  equal(runs, 2);
  deepEqual(await valuesOf(kv, [a, b]), ['second', 2]);
  await close();
});

test('the function runs again if another client writes what it has read', async () => {
  const { kv, rival, close } = await twoClients();
  const [a, b, c, d] = keysApart('k');
  await Promise.all([a, b, c, d].map((key) => kv.set(key, 0)));
  for (const [read, written] of [
    [a, a],
    [a, b],
  ] as const) {
    let runs = 0;
    await kv.transaction(async (tx) => {
      runs += 1;
      const before = (await tx.get<number>(read))?.value ?? 0;
      if (runs <= 3) await rival.add(read, 10);
      tx.set(written, before + 1);
    });
    equal(runs, 4);
  }
  deepEqual(await valuesOf(kv, [a, b]), [61, 62]);
  await close();
});

const MOVES = byEffort({ full: 120, brief: 40 });

test('the sum of accounts stays the same while many transactions move money', async () => {
  const { kv, rival, close } = await twoClients();
  const accounts = ['w', 'x', 'y', 'z'].flatMap((text) => keysApart(text));
  await Promise.all(accounts.map((key) => kv.set(key, 100)));
  const move = (client: Client, at: number) =>
    client.transaction(
      async (tx) => {
        const from = accounts[at % accounts.length] as string;
        const to = accounts[(at * 7 + 3) % accounts.length] as string;
        if (from === to) return;
        const [one, other] = await tx.getMany<number>([from, to]);
        tx.set(from, (one?.value ?? 0) - 1);
        tx.set(to, (other?.value ?? 0) + 1);
      },
      { timeout: 60_000 },
    );
  const moves = Array.from({ length: MOVES }, (_, at) => move(at % 2 ? kv : rival, at));
  let isOver = false;
  const looking = (async () => {
    for (; !isOver; await after(5)) {
      // Among so many writers a read of all accounts can take long.
      const entries = await rival.snapshot<number>(accounts, { timeout: 60_000 });
      const sum = entries.reduce((all, entry) => all + (entry?.value ?? 0), 0);
      equal(sum, accounts.length * 100);
    }
  })();
  await Promise.all(moves);
  isOver = true;
  await looking;
  await close();
});

test('two transactions that read what the other writes have no write skew', async () => {
  const { kv, rival, close } = await twoClients();
  const [a, b] = keysApart('on-call');
  for (let round = 0; round < 20; round++) {
    await Promise.all([kv.set(a, true), kv.set(b, true)]);
    const leave = (client: Client, own: string, other: string) =>
      client.transaction(async (tx) => {
        const [, stays] = await tx.getMany<boolean>([own, other]);
        if (stays?.value === true) tx.set(own, false);
      });
    await Promise.all([leave(kv, a, b), leave(rival, b, a)]);
    ok((await valuesOf(kv, [a, b])).includes(true), 'one of them is on call');
  }
  await close();
});

test('keys of one shard cost one write, and reads alone cost no transaction', async () => {
  const { kv, frames, close } = await twoClients();
  await kv.set('{one}a', 1);
  const kindsOf = async (run: (tx: Transaction) => Promise<unknown>) => {
    const { length } = frames;
    await kv.transaction(run);
    return frames.slice(length).flatMap((requests) => requests.map(({ type }) => type));
  };
  deepEqual(await kindsOf(async (tx) => tx.set('{one}b', (await tx.get('{one}a'))?.value)), [
    'read',
    'write',
  ]);
  deepEqual(await kindsOf((tx) => tx.get('{one}a')), ['read']);
  deepEqual(await kindsOf((tx) => tx.getMany(['{one}a', '{one}b'])), ['read']);
  const twice = async (tx: Transaction) => [await tx.get('{one}a'), await tx.get('{one}b')];
  deepEqual(await kindsOf(twice), ['read', 'read', 'validate']);
  const [a, b] = keysApart('k');
  deepEqual(await kindsOf(async (tx) => tx.set(b, await tx.get(a).then(String))), [
    'read',
    'transact',
  ]);
  deepEqual(await kindsOf(async () => 'nothing'), []);
  await close();
});

test('a transaction that only reads sees one moment, or runs again', async () => {
  const { kv, rival, close } = await twoClients();
  const [a, b] = keysApart('k');
  await kv.atomic().set(a, 0).set(b, 0).commit();
  let runs = 0;
  const seen = await kv.transaction(async (tx) => {
    runs += 1;
    const one = await tx.get(a);
    if (runs === 1) await rival.atomic().set(a, 1).set(b, 1).commit();
    return [one?.value, (await tx.get(b))?.value];
  });
  deepEqual([runs, seen], [2, [1, 1]]);
  await close();
});

test('an exception of the function is passed on if what it had read holds', async () => {
  const { kv, rival, close } = await twoClients();
  const [a, b] = keysApart('k');
  await kv.atomic().set(a, 0).set(b, 0).commit();
  let runs = 0;
  const differ = kv.transaction(async (tx) => {
    runs += 1;
    const one = await tx.get(a);
    if (runs === 1) await rival.atomic().set(a, 1).set(b, 1).commit();
    const other = await tx.get(b);
    if (one?.value !== other?.value) throw new Error('they differ');
    tx.set(a, 'seen');
    throw new RangeError(`both are ${one?.value}`);
  });
  await rejects(differ, new RangeError('both are 1'));
  equal(runs, 2);
  deepEqual(await valuesOf(kv, [a, b]), [1, 1]);
  await close();
});

test('a scan shows own writes in their places, and no deleted keys', async () => {
  const { kv, close } = await twoClients();
  const names = Array.from({ length: 30 }, (_, at) => `s:${String(at).padStart(2, '0')}`);
  await Promise.all(names.map((name) => kv.set(name, 'stored')));
  await kv.transaction(async (tx) => {
    tx.set('s:05', 'own').set('s:055', 'new').set('s:99', 'last').delete('s:06').delete('other');
    const scan = async (options: WithValues<TransactionScanOptions>) => {
      const seen: unknown[] = [];
      for await (const { key, value } of tx.scan(options))
        seen.push(value === 'stored' ? key : [key, value]);
      return seen;
    };
    const expected = ['s:04', ['s:05', 'own'], ['s:055', 'new'], 's:07'];
    deepEqual(await scan({ from: 's:04', to: 's:08' }), expected);
    deepEqual(await scan({ from: 's:04', to: 's:08', reverse: true }), [...expected].reverse());
    deepEqual(await scan({ from: 's:04', limit: 3 }), expected.slice(0, 3));
    deepEqual(await scan({ prefix: 's:', reverse: true, limit: 2 }), [['s:99', 'last'], 's:29']);
    equal((await scan({ prefix: 's:' })).length, 31);
    for await (const entry of tx.scan({ prefix: 's:', keysOnly: true })) {
      ok(typeof entry.key === 'string' && entry.version >= 0 && !('value' in entry));
    }
  });
  equal(await kv.count({ prefix: 's:' }), 31);
  await close();
});

test('a scan sees what the transaction has written ahead of it meanwhile', async () => {
  const { kv, close } = await twoClients();
  await Promise.all(['q1', 'q2', 'q3', 'q4', 'q5', 'q6'].map((key) => kv.set(key, key)));
  const seen = await kv.transaction(async (tx) => {
    const keys: unknown[] = [];
    for await (const { key } of tx.scan({ prefix: 'q', limit: 4 })) {
      keys.push(key);
      tx.delete(key);
      if (key === 'q1') tx.delete('q2').delete('q3').set('q35', 1).set('q0', 1);
    }
    return keys;
  });
  deepEqual(seen, ['q1', 'q35', 'q4', 'q5']);
  await close();
});

test('no other client adds to a scanned range, or removes from it, as far as seen', async () => {
  const { kv, rival, close } = await twoClients();
  await Promise.all(['r:2', 'r:4', 'r:6', 'r:8'].map((key) => kv.set(key, 0)));
  const runsWith = async (options: Parameters<Transaction['scan']>[0], meddle: () => unknown) => {
    let runs = 0;
    await kv.transaction(async (tx) => {
      runs += 1;
      for await (const _ of tx.scan(options));
      if (runs === 1) await meddle();
      tx.set('sum', runs);
    });
    return runs;
  };
  const all = { prefix: 'r:' };
  equal(await runsWith(all, () => rival.set('r:9', 0)), 2);
  equal(await runsWith(all, () => rival.set('r:2', 1)), 2);
  equal(await runsWith(all, () => rival.delete('r:9')), 2);
  equal(await runsWith(all, () => rival.set('s:0', 0)), 1);
  equal(await runsWith({ ...all, limit: 2 }, () => rival.set('r:5', 0)), 1);
  equal(await runsWith({ ...all, limit: 2 }, () => rival.set('r:3', 0)), 2);
  equal(await runsWith({ ...all, limit: 2, reverse: true }, () => rival.set('r:55', 0)), 1);
  equal(await runsWith({ ...all, limit: 2, reverse: true }, () => rival.set('r:7', 0)), 2);
  equal(await runsWith({ from: 'r:90', to: 'r:99' }, () => rival.set('r:95', 0)), 2);
  await close();
});

test('only one transaction takes the first entry of a queue', async () => {
  const { kv, rival, close } = await twoClients();
  const jobs = Array.from({ length: 16 }, (_, at) => `job:${10 + at}`);
  await Promise.all(jobs.map((key) => kv.set(key, 0)));
  const taken: unknown[] = [];
  const takeAll = async (client: Client) => {
    for (;;) {
      const job = await client.transaction(async (tx) => {
        for await (const { key } of tx.scan({ prefix: 'job:', limit: 1 })) {
          tx.delete(key);
          return key;
        }
        return undefined;
      });
      if (job === undefined) return;
      taken.push(job);
    }
  };
  await Promise.all([takeAll(kv), takeAll(rival), takeAll(kv)]);
  deepEqual(taken.sort(), jobs);
  await close();
});

test('a transaction uses several spaces, each with its own keys and values', async () => {
  const { kv, rival, close } = await twoClients();
  const users = kv.space<{ readonly name: string }>('user', { codec: json });
  await users.transaction(async (tx) => {
    tx.set('7', { name: 'Ada' });
    equal((await tx.get('7'))?.value.name, 'Ada');
  });
  await kv.transaction(async (tx) => {
    const inside = tx.in(users);
    const user = await inside.get('7');
    inside.set('8', { name: `${user?.value.name}'s friend` });
    const names: unknown[] = [];
    for await (const { key, value } of inside.scan()) names.push([key, value?.name]);
    deepEqual(names, [
      ['7', 'Ada'],
      ['8', "Ada's friend"],
    ]);
    throws(() => tx.in(rival.space('user')), { code: 'invalid-argument' });
    const [byId, plain] = tx.in(users, kv);
    plain.set('friends', 1);
    equal((await byId.get('8'))?.value.name, "Ada's friend");
    throws(() => tx.in(kv, rival), { code: 'invalid-argument' });
  });
  equal((await users.get('8'))?.value.name, "Ada's friend");
  equal((await kv.get('friends'))?.value, 1);
  await close();
});

test('a transaction that always conflicts fails with the keys and the runs', async () => {
  const { kv, rival, close } = await twoClients();
  const [a, b] = keysApart('k');
  const lose = (options: object) =>
    kv.transaction(async (tx) => {
      await tx.get(a);
      await rival.add(a);
      tx.set(b, 1);
    }, options);
  const failure = await lose({ attempts: 3 }).catch((error: unknown) => error);
  ok(failure instanceof KvError);
  deepEqual([failure.code, failure.outcome, failure.retryable], ['contended', 'notApplied', true]);
  match(failure.message, new RegExp(`"${a}".*3`));
  // It may time out in its last attempt.
  await rejects(lose({ timeout: 80 }), ({ code, outcome }) => {
    return code === 'contended' ? outcome === 'notApplied' : code === 'timeout';
  });
  equal(await kv.get(b), undefined);
  await close();
});

test('a transaction ends by its timeout or its signal, whatever its function does', async () => {
  const { kv, close } = await twoClients();
  const never = () => new Promise<never>(() => {});
  await rejects(kv.transaction(never, { timeout: 30 }), { code: 'timeout', outcome: 'notApplied' });
  const controller = new AbortController();
  const waiting = kv.transaction(never, { signal: controller.signal });
  controller.abort(new Error('no more'));
  await rejects(waiting, { code: 'aborted', outcome: 'notApplied', cause: new Error('no more') });
  await rejects(kv.transaction(never, { signal: controller.signal }), { code: 'aborted' });
  for (const options of [{ attempts: 0 }, { attempts: 1.5 }, { timeout: -1 }]) {
    await rejects(kv.transaction(never, options), { code: 'invalid-argument' });
  }
  await close();
});

test('using a transaction after its end is an error', async () => {
  const { kv, close } = await twoClients();
  let kept: Transaction | undefined;
  await kv.transaction((tx) => {
    kept = tx;
  });
  const tx = kept as Transaction;
  throws(() => tx.set('a', 1), { code: 'invalid-argument' });
  throws(() => tx.delete('a'), { code: 'invalid-argument' });
  await rejects(tx.get('a'), { code: 'invalid-argument' });
  await rejects(tx.scan().next(), { code: 'invalid-argument' });
  await close();
});

test('an unknown outcome ends the transaction without another run', async () => {
  const { client: kv, fallSilent } = await connectLocally();
  const [a, b] = keysApart('k');
  await kv.atomic().set(a, 0).set(b, 0).commit();
  let runs = 0;
  const ending = kv.transaction(
    async (tx) => {
      runs += 1;
      await tx.getMany([a, b]);
      fallSilent();
      tx.set(a, 1).set(b, 1);
    },
    // On a busy machine the reads alone may take some of it.
    { timeout: 2000 },
  );
  await rejects(ending, { code: 'timeout', outcome: 'unknown' });
  equal(runs, 1);
  await kv.close();
});

const INCREMENTS = byEffort({ full: 5, brief: 2 });

test('transactions end although coordinators vanish and give way', async () => {
  const cluster = clusterOf({ giveWay: 0.2, mute: 0.1, wrongEpoch: 0.1, commitMax: 5 });
  const { client: kv } = await connectLocally({ timeout: 60_000 }, cluster);
  const keys = keysApart('n');
  const meddling = setInterval(() => cluster.changeLeader(1), 500);
  const runs = Promise.all(
    Array.from({ length: INCREMENTS }, () =>
      kv.transaction(async (tx) => {
        const entries = await tx.getMany<number>(keys);
        for (const [at, key] of keys.entries()) tx.set(key, (entries[at]?.value ?? 0) + 1);
      }),
    ),
  );
  await runs.finally(() => clearInterval(meddling));
  deepEqual(await valuesOf(kv, keys), new Array(4).fill(INCREMENTS));
  await kv.close();
});

test('after some failed runs its reads are reserved, in whatever shards its keys are', async () => {
  const { kv, rival, frames, close } = await twoClients();
  const [a, b] = keysApart('k');
  for (const [read, written] of [
    [a, a],
    [a, b],
    [a, undefined],
  ] as const) {
    await kv.set(a, 0);
    await kv.set(b, 0);
    let runs = 0;
    const asked: (readonly string[])[] = [];
    await kv.transaction(async (tx) => {
      runs += 1;
      const before = frames.length;
      await tx.get(read);
      if (written === undefined) await tx.get(b);
      if (runs <= CLIENT_LIMITS.runsUnprotected) await rival.add(read);
      if (written !== undefined) tx.set(written, runs);
      asked.push(frames.slice(before).flat().map(reservationIn));
    });
    const { length } = frames;
    equal(runs, CLIENT_LIMITS.runsUnprotected + 1);
    const last = asked.pop() ?? [];
    ok(asked.flat().every((reserved) => reserved === ''));
    deepEqual(new Set(last), new Set([`attempts ${CLIENT_LIMITS.runsUnprotected}`]));
    const [end] = frames.slice(0, length).flat().slice(-1);
    equal(end?.type, written === undefined ? 'validate' : 'transact', 'it comes with its name');
  }
  await close();
});

function reservationIn(request: Request): string {
  const reserver = request.type === 'read' ? request.reserver : undefined;
  return reserver === undefined ? '' : `attempts ${reserver.attempts}`;
}
