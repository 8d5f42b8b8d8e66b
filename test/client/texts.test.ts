/** Messages of calls that time out: what they waited for, where, and after which attempts. */

import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { KvError } from '../../src/index.ts';
import { connectLocally } from './model/local.ts';
import { Stage } from './model/stage.ts';

async function failureOf(promise: Promise<unknown>): Promise<KvError> {
  const error = await promise.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  ok(error instanceof KvError);
  return error;
}

test('a transaction with an unanswered read names the shard, not its function', async () => {
  const { client: kv, fallSilent } = await connectLocally();
  await kv.set('k', 1);
  fallSilent();
  const failure = await failureOf(kv.transaction((tx) => tx.get('k'), { timeout: 500 }));
  deepEqual([failure.code, failure.outcome, failure.retryable], ['timeout', 'notApplied', true]);
  match(failure.message, /^shard \d+ timed out after 1 attempt; no node answered$/);
  await kv.close();
});

test('a transaction whose function waits for something else says so', async () => {
  const { client: kv } = await connectLocally();
  const failure = await failureOf(
    kv.transaction(
      async (tx) => {
        await tx.get('k');
        await new Promise(() => {});
      },
      { timeout: 500 },
    ),
  );
  match(failure.message, /function .* still running at its timeout, and no request .* open/);
  await kv.close();
});

test('a request that waits for log time, or for room in a session, says so', () => {
  const unknown = new Stage({ shards: 2 });
  const early = unknown.put('a', 50);
  unknown.pass(60);
  match(early.message, /shard \d timed out after 0 attempts, waiting for the log time of shard/);
  const full = new Stage({ isTimeKnown: true });
  for (let at = 0; at < 2048; at++) full.put('a', 9000);
  const late = full.put('a', 50);
  full.pass(60);
  match(late.message, /waiting for one of the 2048 requests of this client open in shard 1/);
  equal(late.told, 'timeout notApplied');
});

test('a request that met a locked key names the key, the shard and the node', () => {
  const stage = new Stage({ isTimeKnown: true });
  const put = stage.put('stuck', 100);
  stage.take();
  stage.answerWritten(['locked']);
  for (let round = 0; round < 20 && put.told === ''; round++) {
    stage.pass(10);
    if (stage.take().length > 0) stage.answerWritten(['locked']);
  }
  equal(put.told, 'contended notApplied');
  match(
    put.message,
    /held "stuck" of shard 1 until the timeout, in \d+ attempts; last error from ws:.*/,
  );
});

for (const dials of ['refused', 'open'] as const) {
  test(`a call is unreachable if no connection was up during it: dials ${dials}`, () => {
    const stage = new Stage({ isTimeKnown: true });
    stage.dials = dials;
    stage.breakLink();
    const put = stage.put('a', 500);
    stage.pass(600);
    equal(put.told, 'unreachable notApplied');
    match(put.message, /^no node of shard 1 was reached in time; /);
  });
}

test('a call during which a connection was up has timed out, though none is up at its end', () => {
  const stage = new Stage({ isTimeKnown: true });
  const put = stage.put('a', 500);
  stage.take();
  stage.answerFailed('closing');
  stage.dials = 'refused';
  stage.breakLink();
  stage.pass(600);
  equal(put.told, 'timeout notApplied');
  match(put.message, /not reachable: ECONNREFUSED/);
});

test('equal attempts are one, with their number, and the backoff still grows', () => {
  const stage = new Stage({ isTimeKnown: true });
  const put = stage.put('a', 5000);
  stage.take();
  stage.answerFailed('closing');
  stage.dials = 'refused';
  stage.breakLink();
  stage.pass(5100);
  const texts = put.attempts?.map(({ what }) => what);
  deepEqual(texts, ['closing', 'not reachable: reset', 'not reachable: ECONNREFUSED']);
  equal(put.attempts?.[0]?.count, undefined);
  const count = put.attempts?.at(-1)?.count ?? 1;
  ok(count > 2 && count < 30, `${count} attempts in 5 s, with up to 1 s between two`);
});

test('retryable is true only if nothing was applied', () => {
  const make = (outcome: 'applied' | 'notApplied' | 'unknown') => {
    return new KvError({ code: 'timeout', outcome, message: '' });
  };
  deepEqual(
    (['notApplied', 'unknown', 'applied'] as const).map((outcome) => make(outcome).retryable),
    [true, false, false],
  );
  match(make('unknown').hint, /read the keys before you ask again/);
  doesNotMatch(make('notApplied').hint, /read the keys/);
});
