/** With `debug`, an error's stack has the line of the call. */

import { equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { connectLocally } from './model/local.ts';

/** The functions of the stack that are in this file. */
function functionsHere({ stack = '' }: Error): readonly string[] {
  return [...stack.matchAll(/at (?:async )?(?:\S+\.)?(\w+) \(.*call-site\.test/g)].flatMap(
    ([, name = '']) => name,
  );
}

async function failureOf(act: () => Promise<unknown>): Promise<Error> {
  return act().then(
    () => new Error('it did not fail'),
    (error: Error) => error,
  );
}

test('the stack of an error ends with the line of the call, if debug is on', async () => {
  const { client: kv, fallSilent } = await connectLocally({ debug: true, timeout: 200 });
  await kv.set('text', 'no number');
  const refused = await failureOf(function addsToText() {
    return kv.add('text');
  });
  match(refused.stack ?? '', /^KvError: the shard refused the command at "text": not-a-number\n/);
  equal(functionsHere(refused)[0], 'addsToText');
  const committed = await failureOf(function commitsBlindly() {
    return kv.transaction((tx) => void tx.add('text', 1).add('other', 1));
  });
  ok(functionsHere(committed).includes('commitsBlindly'), committed.stack);
  const thrown = await failureOf(() => kv.transaction(() => Promise.reject(new TypeError('own'))));
  equal(thrown.name, 'TypeError');
  fallSilent();
  const late = await failureOf(async function readsInTime() {
    for await (const _ of kv.space('a').scan());
  });
  ok(functionsHere(late).includes('readsInTime'), late.stack);
  await kv.close();
});

test('without debug no frames are collected, nor where the process wants none', async () => {
  const usual = await connectLocally();
  await usual.client.set('text', 'no number');
  const refuse = (kv: typeof usual.client) => failureOf(() => kv.add('text'));
  equal(functionsHere(await refuse(usual.client)).length, 0);
  await usual.client.close();
  const { client: kv } = await connectLocally({ debug: true });
  await kv.set('text', 'no number');
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    equal((await refuse(kv)).message.includes('not-a-number'), true);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  await kv.close();
});
