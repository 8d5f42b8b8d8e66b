/** What is given as options, whatever the types say, and what it is refused with. */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { type Client, isKvError, type Key, open } from '../../src/index.ts';

type Call = (kv: Client, options: never) => unknown;

/** Calls that take options, by name. */
const CALLS: Readonly<Record<string, Call>> = {
  get: (kv, options) => kv.get('k', options),
  getMany: (kv, options) => kv.getMany(['k'], options),
  snapshot: (kv, options) => kv.snapshot(['k'], options),
  set: (kv, options) => kv.set('k', 1, options),
  delete: (kv, options) => kv.delete('k', options),
  add: (kv, options) => kv.add('n', 1, options),
  append: (kv, options) => kv.append('b', Uint8Array.of(1), options),
  touch: (kv, options) => kv.touch('k', 1000, options),
  commit: (kv, options) => kv.atomic().set('k', 1).commit(options),
  transaction: (kv, options) => kv.transaction((tx) => tx.get('k'), options),
  'scan of a transaction': (kv, options) => kv.transaction((tx) => first(tx.scan(options))),
  'count of a transaction': (kv, options) => kv.transaction((tx) => tx.count(options)),
  scan: (kv, options) => first(kv.scan(options)),
  keys: (kv, options) => first(kv.keys(options)),
  count: (kv, options) => kv.count(options),
  isEmpty: (kv, options) => kv.isEmpty(options),
  clear: (kv, options) => kv.clear({ prefix: 'k' }, options),
  'range of clear': (kv, options) => kv.clear(options),
  space: (kv, options) => kv.space('s', options),
  watch: async (kv, options) => kv.watch(options).sync(),
  sync: async (kv, options) => {
    await using watch = kv.watch({ prefix: 'k', initial: false });
    await watch.sync(options);
  },
  view: (kv, options) => kv.view(options).ready,
};

async function first(scan: AsyncIterable<unknown>): Promise<unknown> {
  for await (const entry of scan) return entry;
  return undefined;
}

/** Whether it throws at once or rejects. */
async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}

async function messageOf(call: () => unknown): Promise<string> {
  const error = await failureOf(call);
  ok(isKvError(error), `not refused, or by another error: ${error}`);
  deepEqual([error.code, error.outcome], ['invalid-argument', 'notApplied']);
  return error.message;
}

for (const [name, call] of Object.entries(CALLS)) {
  test(`${name} refuses what are no options of it`, async () => {
    await using kv = await open(':memory:');
    const given = (options: unknown) => messageOf(() => call(kv, options as never));
    for (const options of ['text', null, ['k'], 7]) ok((await given(options)).includes('object'));
    const message = await given({ nonsense: 1 });
    ok(message.includes('nonsense is no option of'), message);
  });
}

test('a mistyped name is told with the one that was probably meant', async () => {
  await using kv = await open(':memory:');
  const cases: readonly (readonly [Call, object, string])[] = [
    [(db, o) => db.watch(o), { prefixx: 'a' }, 'prefix'],
    [(db, o) => db.view(o), { prefx: 'a' }, 'prefix'],
    [(db, o) => db.set('k', 1, o), { tll: 5 }, 'ttl'],
    [(db, o) => db.set('k', 1, o), { ifversion: 5 }, 'ifVersion'],
    [(db, o) => db.get('k', o), { tiemout: 5 }, 'timeout'],
    [(db, o) => first(db.scan(o)), { revrese: true }, 'reverse'],
  ];
  for (const [call, options, meant] of cases) {
    const message = await messageOf(() => call(kv, options as never));
    ok(message.endsWith(`did you mean ${meant}?`), message);
  }
});

test('an option of a wrong kind is told with the kind', async () => {
  await using kv = await open(':memory:');
  const cases: readonly (readonly [Call, object, RegExp])[] = [
    [
      (db, o) => db.watch(o),
      { initial: 'no' },
      /initial of watch must be true or false \(got "no"/,
    ],
    [(db, o) => db.watch(o), { changesOnly: 1 }, /true or false \(got number\)/],
    [(db, o) => db.watch(o), { keys: 'texts' }, /'text', 'bytes' or 'tuple' \(got "texts"\)/],
    [(db, o) => db.watch(o), { signal: {} }, /an AbortSignal \(got object\)/],
    [(db, o) => db.view(o), { signal: new AbortController() }, /\(got AbortController\)/],
    [(db, o) => db.get('k', o), { signal: 'now' }, /an AbortSignal/],
    [(db, o) => db.get('k', o), { timeout: '5' }, /timeout must be/],
    [(db, o) => db.get('k', o), { read: 'fresh' }, /read must be 'linearizable'/],
    [(db, o) => db.get('k', o), { read: {} }, /read must be 'linearizable'/],
    [(db, o) => first(db.scan(o)), { reverse: 'yes' }, /reverse of scan/],
  ];
  for (const [call, options, expected] of cases) {
    const message = await messageOf(() => call(kv, options as never));
    ok(expected.test(message), message);
  }
  await rejects(kv.transaction(undefined as never), { code: 'invalid-argument' });
});

test('options that are undefined are absent', async () => {
  await using kv = await open(':memory:');
  const options = { signal: undefined, timeout: undefined, read: undefined } as never;
  equal(await kv.get('k', options), undefined);
  const bounds = { initial: undefined, resume: undefined, prefix: undefined } as never;
  await using watch = kv.watch(bounds);
  await watch.sync();
});

test('a range without keys is read as empty, and not watched', async () => {
  await using kv = await open(':memory:');
  await kv.set('a', 1);
  await kv.space('s').set('a', 1);
  const ranges: readonly { readonly from?: Key; readonly to: Key }[] = [
    { from: 'b', to: 'a' },
    { from: 'a', to: 'a' },
    // No key is before the empty one, so this is no way to write a range without an end.
    { from: 'a', to: '' },
    { to: '' },
    { to: [] },
  ];
  for (const db of [kv, kv.space('s')]) {
    for (const range of ranges) {
      equal(await first(db.scan(range)), undefined);
      equal(await db.count(range), 0);
      equal(await db.transaction((tx) => tx.count(range)), 0);
      deepEqual(await db.clear(range), { deleted: 0 });
      for (const follow of [() => db.watch(range), () => db.view(range)]) {
        ok(/no keys|no key is before/.test(await messageOf(follow)));
      }
    }
  }
});
