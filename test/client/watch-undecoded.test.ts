/** Values that the codec of a watch, a view or a scan cannot decode. */

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { type Client, type Codec, isKvError, open, utf8 } from '../../src/index.ts';

const BAD = 'bad';
const picky: Codec<string> = {
  name: 'picky',
  encode: utf8.encode,
  decode: (bytes) => {
    const text = utf8.decode(bytes);
    if (text === BAD) throw new Error('it is bad');
    return text;
  },
};

async function withSpace(
  work: (space: ReturnType<typeof spaceOf>) => Promise<void>,
): Promise<void> {
  await using kv = await open(':memory:', { shards: 3 });
  await work(spaceOf(kv));
}

const spaceOf = (kv: Client) => kv.space<string>('s', { codec: picky });

/** The keys of a loop until it fails, or has had so many. */
async function keysOf(
  loop: AsyncIterable<object>,
  count: number,
): Promise<{ keys: unknown[]; error: unknown }> {
  const keys: unknown[] = [];
  try {
    for await (const event of loop) {
      if ('key' in event) keys.push(event.key);
      if (keys.length === count) break;
    }
  } catch (error) {
    return { keys, error };
  }
  return { keys, error: undefined };
}

test('no token covers a change whose value could not be decoded', async () => {
  await withSpace(async (space) => {
    const watch = space.watch({ initial: false });
    await watch.sync();
    // One command: the token has to name a place in the middle of an entry.
    const values = { a: 'good', b: BAD, c: 'good' };
    const command = space.atomic();
    for (const [key, value] of Object.entries(values)) command.set(`{t}${key}`, value);
    const result = await command.commit();
    ok(result.ok);
    equal(watch.undecoded, undefined);
    const { keys, error } = await keysOf(watch, 3);
    deepEqual(keys, ['{t}a']);
    ok(isKvError(error) && error.code === 'damaged-value' && error.outcome === 'notApplied');
    match(error.message, /picky cannot decode the value of "s:\{t\}b": it is bad/);
    ok(watch.undecoded !== undefined);
    const { key, version, tokenBehind } = watch.undecoded;
    deepEqual([key, version], ['{t}b', result.versionOf('{t}b')]);
    const { token } = watch;
    const again = space.watch({ resume: token });
    equal((await keysOf(again, 1)).keys.length, 0);
    equal(again.undecoded?.key, '{t}b');
    equal(again.token, token);
    deepEqual((await keysOf(space.watch({ resume: token, keysOnly: true }), 2)).keys, [
      '{t}b',
      '{t}c',
    ]);
    deepEqual((await keysOf(space.watch({ resume: tokenBehind }), 1)).keys, ['{t}c']);
  });
});

test('a loop that has failed gives nothing more, and its watch has ended', async () => {
  await withSpace(async (space) => {
    const watch = space.watch({ initial: false, changesOnly: true });
    await watch.sync();
    for (const value of [BAD, 'good']) await space.set('{t}', value);
    const iterator = watch[Symbol.asyncIterator]();
    await rejects(iterator.next(), { code: 'damaged-value' });
    deepEqual(await iterator.next(), { done: true, value: undefined });
    await rejects(watch.sync(), { code: 'closed' });
  });
});

test('a value that was read has no token behind it, until the key is written', async () => {
  await withSpace(async (space) => {
    await space.set('{t}b', BAD);
    const first = space.watch();
    equal(isKvError((await keysOf(first, 1)).error), true);
    deepEqual([first.undecoded?.key, first.undecoded?.tokenBehind], ['{t}b', undefined]);
    await space.set('{t}b', 'good');
    deepEqual((await keysOf(space.watch(), 1)).keys, ['{t}b']);
  });
});

test('a view that meets such a value fails, and says which key has it', async () => {
  await withSpace(async (space) => {
    await space.set('{t}a', 'good');
    const view = space.view();
    await view.ready;
    const next = view.changes()[Symbol.asyncIterator]().next();
    await space.set('{t}b', BAD);
    await rejects(next, { code: 'damaged-value', message: /"s:\{t\}b"/ });
    deepEqual([...view.keys()], ['{t}a']);
  });
});

test('no cursor of a scan covers an entry whose value could not be decoded', async () => {
  await withSpace(async (space) => {
    for (const [key, value] of Object.entries({ a: 'good', b: BAD, c: 'good' })) {
      await space.set(`{t}${key}`, value);
    }
    const scan = space.scan({ prefix: '{t}' });
    const { keys, error } = await keysOf(scan, 3);
    deepEqual(keys, ['{t}a']);
    ok(isKvError(error) && error.message.includes('"s:{t}b"'));
    const rest = space.keys({ prefix: '{t}', cursor: scan.cursor });
    const left = [];
    for await (const key of rest) left.push(key);
    deepEqual(left, ['{t}b', '{t}c']);
  });
});
