/** Watches and views of applications, on a store in memory. */

import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { type Client, open, type Watch, type WatchEvent } from '../../src/index.ts';

async function withStore(work: (kv: Client) => Promise<void>): Promise<void> {
  await using kv = await open(':memory:', { shards: 3 });
  await work(kv);
}

/** The next events in short, without progress. */
async function take(watch: Watch<WatchEvent<unknown>>, count: number): Promise<string[]> {
  const iterator = watch[Symbol.asyncIterator]();
  const texts: string[] = [];
  while (texts.length < count) {
    const { value, done } = await iterator.next();
    if (done === true) return [...texts, 'end'];
    if (value.type === 'progress') continue;
    const key = 'key' in value ? ` ${value.key}` : '';
    const rest = value.type === 'set' ? ` ${JSON.stringify(value.value)}` : '';
    const isInitial = value.type === 'set' && value.isInitial ? ' initial' : '';
    texts.push(`${value.type}${key}${rest}${isInitial}`);
  }
  return texts;
}

test('a watch gives the keys that exist, and then every change in order', async () => {
  await withStore(async (kv) => {
    await kv.set('user:{1}a', 1);
    await kv.set('other', 1);
    await using watch = kv.watch({ prefix: 'user:{1}' });
    deepEqual(await take(watch, 2), ['set user:{1}a 1 initial', 'synced']);
    await kv.set('user:{1}b', 2);
    await kv.set('other', 2);
    await kv.delete('user:{1}a');
    await kv.delete('user:{1}a');
    await kv.add('user:{1}c', 7);
    await kv.touch('user:{1}c', 100_000);
    await kv.set('user:{1}b', 3);
    deepEqual(await take(watch, 4), [
      'set user:{1}b 2',
      'delete user:{1}a',
      'set user:{1}c 7',
      'set user:{1}b 3',
    ]);
  });
});

test('versions chain, and the changes of one command are a group', async () => {
  await withStore(async (kv) => {
    const options = { prefix: '{t}', initial: false, changesOnly: true } as const;
    await using watch = kv.watch<number>(options);
    await watch.sync();
    const first = await kv.set('{t}a', 1);
    await kv.atomic().set('{t}a', 2).set('{t}b', 3).commit();
    const events = [];
    for await (const event of watch) {
      events.push(event);
      if (events.length === 3) break;
    }
    const [one, two, three] = events;
    ok(one?.type === 'set' && two?.type === 'set' && three?.type === 'set');
    deepEqual([one.version, one.previousVersion, one.isLast], [first.version, 0, true]);
    deepEqual([two.previousVersion, two.isLast, two.isInitial], [first.version, false, false]);
    deepEqual([three.previousVersion, three.isLast], [0, true]);
    equal(two.transaction, three.transaction);
    ok(one.transaction !== two.transaction);
  });
});

test('a token continues exactly behind the last event, also in a command', async () => {
  await withStore(async (kv) => {
    const first = kv.watch({ prefix: '{t}', initial: false, changesOnly: true });
    await first.sync();
    await kv.atomic().set('{t}a', 1).set('{t}b', 2).set('{t}c', 3).commit();
    deepEqual(await take(first, 1), ['set {t}a 1']);
    const { token } = first;
    await first.close();
    await kv.set('{t}d', 4);
    await using second = kv.watch({ prefix: '{t}', resume: token, changesOnly: true });
    equal(second.token, token);
    deepEqual(await take(second, 3), ['set {t}b 2', 'set {t}c 3', 'set {t}d 4']);
  });
});

test('a transaction over shards is told in each of them, under one name', async () => {
  await withStore(async (kv) => {
    await using watch = kv.watch({ prefix: 'k', initial: false, changesOnly: true });
    await watch.sync();
    const command = kv.atomic();
    for (let key = 0; key < 12; key++) command.set(`k${key}`, key);
    await command.commit();
    const names = new Set<string>();
    const keys: string[] = [];
    for await (const event of watch) {
      names.add(event.transaction);
      keys.push(String(event.key));
      if (keys.length === 12) break;
    }
    equal(names.size, 1);
    equal(new Set(keys).size, 12);
  });
});

test('a key alone is watched, without values if they are not wanted, and expires', async () => {
  await withStore(async (kv) => {
    await using watch = kv.watch({ key: 'k', keysOnly: true });
    await watch.sync();
    await kv.set('k2', 1);
    await kv.set('k', 'value', { ttl: 50 });
    const types: string[] = [];
    for await (const event of watch) {
      types.push(event.type);
      if (event.type === 'set') ok(!('value' in event) && event.key === 'k');
      if (event.type === 'expire') equal(event.cause, 'ttl');
      if (event.type === 'expire') break;
    }
    deepEqual(
      types.filter((type) => type !== 'progress'),
      ['synced', 'set', 'expire'],
    );
  });
});

test('a watch ends with its loop, by close, by its signal and with its client', async () => {
  await withStore(async (kv) => {
    const left = kv.watch({ prefix: 'a' });
    for await (const event of left) if (event.type === 'synced') break;
    deepEqual(await take(left, 1), ['end']);

    equal(kv.stats().watches, 0);
    const closed = kv.watch({ prefix: 'a' });
    equal(kv.stats().watches, 1);
    const waiting = take(closed, 5);
    await closed.sync();
    await closed.close();
    await closed.close();
    deepEqual(await waiting, ['synced', 'end']);
    await rejects(closed.sync(), { code: 'closed' });

    const controller = new AbortController();
    const aborted = kv.watch({ prefix: 'a', signal: controller.signal });
    await aborted.sync();
    controller.abort(new Error('enough'));
    await rejects(take(aborted, 5), { code: 'aborted' });
    deepEqual(await take(aborted, 1), ['end']);
    const late = kv.watch({ prefix: 'a', signal: controller.signal });
    await rejects(take(late, 1), { code: 'aborted' });

    const last = kv.watch({ prefix: 'a' });
    await kv.close();
    await rejects(take(last, 5), { code: 'closed' });
  });
});

test('a failure that no caller waits for does not end the process', async () => {
  // The runner fails a test whose rejections no listener has heard of.
  await withStore(async (kv) => {
    const watch = kv.watch({ prefix: 'a' });
    const iterator = watch[Symbol.asyncIterator]();
    await iterator.next();
    void iterator.next();
    const view = kv.view({ prefix: 'a' });
    await view.ready;
    void view.changes()[Symbol.asyncIterator]().next();
    void watch.sync({ timeout: 10_000 });
  });
  await new Promise((resume) => setTimeout(resume, 20));
});

test('a sync that the loop does not serve ends with timeout, and by its own signal', async () => {
  await withStore(async (kv) => {
    await kv.set('a', 1);
    await using watch = kv.watch({ prefix: 'a' });
    await rejects(watch.sync({ timeout: 100 }), { code: 'timeout' });
    const signal = AbortSignal.timeout(50);
    await rejects(watch.sync({ signal }), { code: 'aborted' });
    const sync = watch.sync();
    deepEqual(await take(watch, 2), ['set a 1 initial', 'synced']);
    await sync;
  });
});

test('a slow loop is told that it lags, and gets everything', async () => {
  await withStore(async (kv) => {
    const bufferBytes = 16 * 1024;
    await using watch = kv.watch<string>({ prefix: '{t}', initial: false, bufferBytes });
    await watch.sync();
    const large = 'x'.repeat(8000);
    for (let key = 0; key < 12; key++) await kv.set(`{t}${key}`, large);
    await new Promise((resume) => setTimeout(resume, 1300));
    let [sets, lag] = [0, 0];
    for await (const event of watch) {
      if (event.type === 'lagging') lag = event.milliseconds;
      if (event.type === 'set') sets += 1;
      if (sets === 12 && lag > 0) break;
    }
    ok(lag >= 1000, `${lag}`);
  });
});

test('what no node would accept is refused at once', async () => {
  await withStore(async (kv) => {
    await using watch = kv.watch({ prefix: 'a' });
    throws(() => watch.token, { code: 'invalid-argument' });
    await watch.sync();
    deepEqual(await take(watch, 1), ['synced']);
    const { token } = watch;
    const bad = (options: Parameters<Client['watch']>[0], code: string) =>
      throws(() => kv.watch(options as { prefix: string }), { code, outcome: 'notApplied' });
    bad({ prefix: 'b', resume: token }, 'bad-token');
    bad({ prefix: 'a', resume: 'nonsense' }, 'bad-token');
    bad({ prefix: 'a', resume: token, initial: true }, 'invalid-argument');
    bad({ key: 'a', prefix: 'a' }, 'invalid-argument');
    bad({ key: '' }, 'invalid-argument');
    bad({ prefix: 'a', bufferBytes: 100 }, 'invalid-argument');
    bad({ prefix: 'a', bufferBytes: 1e9 }, 'invalid-argument');
    bad({ prefix: 'x'.repeat(5000) }, 'invalid-argument');
    bad({ prefix: 'a', replicas: 'all' as 'any' }, 'invalid-argument');
    throws(() => kv.view({ maxBytes: 0 }), { code: 'invalid-argument' });
    await withStore(async (other) => {
      await using foreign = other.watch({ prefix: 'a', resume: token });
      await rejects(take(foreign, 1), { code: 'bad-token' });
    });
  });
});

test('a view is a map in the order of keys that follows the cluster', async () => {
  await withStore(async (kv) => {
    const users = kv.space<{ name: string }>('user');
    await users.set('b', { name: 'Bea' });
    await users.set('a', { name: 'Ada' });
    await using view = users.view();
    await view.ready;
    deepEqual([...view.keys()], ['a', 'b']);
    equal(view.get('a')?.value.name, 'Ada');
    const { revision } = view;
    const changes = view.changes()[Symbol.asyncIterator]();
    const { version } = await users.set('c', { name: 'Cleo' });
    await users.delete('a');
    await view.sync();
    equal(view.revision, revision + 2);
    equal(view.staleSince, undefined);
    deepEqual([view.size, view.has('a'), view.get('c')?.version], [2, false, version]);
    const names: string[] = [];
    view.forEach(({ value }, key) => {
      names.push(`${key} ${value.name}`);
    });
    deepEqual(names, ['b Bea', 'c Cleo']);
    const told = [(await changes.next()).value, (await changes.next()).value];
    deepEqual(
      told.map((change) => change?.type),
      ['set', 'delete'],
    );
    await view.close();
    equal((await changes.next()).done, true);
    equal(view.size, 2);
    await rejects(view.sync(), { code: 'closed' });
  });
});

test('a view that is too large fails, and keeps what it has', async () => {
  await withStore(async (kv) => {
    for (let key = 0; key < 10; key++) await kv.set(`{t}${key}`, 'x'.repeat(100));
    const view = kv.view({ prefix: '{t}', maxBytes: 500 });
    await rejects(view.ready, { code: 'view-too-large', retryable: false });
    ok(view.size > 0 && view.size < 10);
    await rejects(view.changes()[Symbol.asyncIterator]().next(), { code: 'view-too-large' });
  });
});
