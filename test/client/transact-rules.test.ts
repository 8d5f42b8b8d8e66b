/** The rules of transactions and validations, against answers that the test writes. */

import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { keyText } from '../../src/client/core/call-failure.ts';
import { CLIENT_LIMITS } from '../../src/client/limits.ts';
import type { Reply } from '../../src/machine/reply.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { Stage } from './model/stage.ts';

/** Keys of the first and of the second of two shards. */
const [LEFT, RIGHT] = ['a', 'b', 'c', 'd', 'e', 'f']
  .sort((one, other) => keyPosition(Buffer.from(one)) - keyPosition(Buffer.from(other)))
  .filter((_, at) => at === 0 || at === 5) as [string, string];
const COMMITTED: Reply = { type: 'committed', versions: [7, 9], outputs: [] };

test('a command over two shards asks for the log time of both, and has a deadline in each', () => {
  const stage = new Stage({ shards: 2 });
  const put = stage.together([RIGHT, LEFT]);
  deepEqual(stage.take(), ['range shard 2', 'range shard 1']);
  stage.answerRange(9_000_000);
  deepEqual(stage.take(), []);
  stage.answerRange(4_000_000);
  deepEqual(stage.take(), [
    'transact slot 0.0, age 9000000; shard 2: deadline 9010000; shard 1: deadline 4010000',
  ]);
  stage.answerReplies([COMMITTED]);
  equal(put.told, 'done');
});

test('no shard may forget a transaction before it is answered', () => {
  const stage = new Stage({ isTimeKnown: true, shards: 2 });
  stage.together([LEFT, RIGHT]);
  stage.puts([LEFT, RIGHT]);
  deepEqual(stage.take().slice(1), [
    'write shard 1, slot 1.0, deadline 5010000',
    'write shard 2, slot 2.0, deadline 10010000',
  ]);
  stage.answerReplies([COMMITTED]);
  stage.puts([LEFT, RIGHT]);
  deepEqual(stage.take(), [
    'write shard 1, slot 0.1, deadline 5010000',
    'write shard 2, slot 3.0, deadline 10010000',
  ]);
});

test('after any loss the same bytes of a transaction are sent again', () => {
  const stage = new Stage({ isTimeKnown: true, shards: 2 });
  const put = stage.together([LEFT, RIGHT]);
  const [first] = stage.take();
  stage.breakLink();
  stage.pass(200);
  deepEqual(stage.take(), [first]);
  stage.answerFailed('lost');
  stage.pass(200);
  deepEqual(stage.take(), [first]);
  stage.answerReplies([COMMITTED]);
  equal(put.told, 'done');
});

test('a transaction that gave way gets new numbers, keeps its age and has more priority', () => {
  const stage = new Stage({ isTimeKnown: true, shards: 2 });
  const put = stage.together([LEFT, RIGHT]);
  stage.take();
  stage.answerWritten(['gave-way']);
  stage.pass(100);
  const [second = ''] = stage.take();
  match(second, /^transact slot 0.1, age 5000000, attempts 1; /);
  stage.breakLink();
  stage.pass(300);
  deepEqual(stage.take(), [second]);
  // The abort is decided, whatever became of the copy that was lost.
  stage.answerWritten(['aborted']);
  stage.pass(300);
  match(stage.take().join(), /^transact slot 0.2, age 5000000, attempts 2;/);
  stage.answerReplies([COMMITTED]);
  equal(put.told, 'done');
});

test('a transaction that always gives way fails with contended, and in doubt with unknown', () => {
  const stage = new Stage({ isTimeKnown: true, shards: 2 });
  const calm = stage.together([LEFT, RIGHT], 400);
  for (let round = 0; round < 60 && calm.told === ''; round++) {
    if (stage.take().length > 0) stage.answerWritten(['gave-way']);
    stage.pass(10);
  }
  equal(calm.told, 'contended notApplied');
  const doubted = stage.together([LEFT, RIGHT], 400);
  stage.take();
  stage.answerFailed('lost');
  stage.pass(500);
  equal(doubted.told, 'timeout unknown');
});

test('an old map, and a late deadline of the only copy, renew a transaction', () => {
  const stage = new Stage({ isTimeKnown: true, shards: 2 });
  const put = stage.together([LEFT, RIGHT]);
  for (const [reason, slot] of [
    ['wrong-epoch', '0.1'],
    ['deadline-passed', '0.2'],
  ] as const) {
    stage.take();
    stage.answerWritten([reason]);
    stage.pass(200);
    const [again = ''] = stage.take();
    match(again, new RegExp(`^transact slot ${slot}, age 5000000`));
  }
  stage.breakLink();
  stage.pass(300);
  equal(stage.take().length, 1);
  stage.answerWritten(['deadline-passed']);
  equal(put.told, 'timeout unknown');
});

test('a commit with a forgotten result is applied, and an unfitting answer is ignored', () => {
  const stage = new Stage({ isTimeKnown: true, shards: 2 });
  const put = stage.together([LEFT, RIGHT]);
  const [first] = stage.take();
  stage.answerReplies([{ type: 'committed', versions: [7], outputs: [] }]);
  stage.pass(200);
  deepEqual(stage.take(), [first]);
  stage.answerReplies([{ type: 'committed', versions: [], outputs: [] }]);
  equal(put.told, 'answer-lost applied');
});

test('a full window renews a transaction, but with a doubt the same bytes are sent', () => {
  const stage = new Stage({ isTimeKnown: true, shards: 2 });
  stage.together([LEFT, RIGHT]);
  stage.take();
  stage.answerWritten(['window-full']);
  stage.pass(100);
  const [second = ''] = stage.take();
  match(second, /slot 0.1/);
  stage.answerFailed('lost');
  stage.pass(200);
  deepEqual(stage.take(), [second]);
  stage.answerWritten(['window-full']);
  stage.pass(400);
  deepEqual(stage.take(), [second]);
});

test('after a deadline that was too far the log times of all shards are asked for again', () => {
  const stage = new Stage({ isTimeKnown: true, shards: 2 });
  const put = stage.together([LEFT, RIGHT]);
  stage.take();
  stage.answerWritten(['deadline-too-far'], 0);
  stage.pass(100);
  deepEqual(stage.take(), ['range shard 1', 'range shard 2']);
  stage.answerRange(1_000_000);
  stage.answerRange(2_000_000);
  // It keeps its age.
  match(stage.take().join(), /age 5000000; shard 1: deadline 1009\d{3}/);
  stage.answerWritten(['overflow']);
  equal(put.told, 'overflow notApplied');
});

test('a validation waits for locked keys, and for a newer map', () => {
  const stage = new Stage();
  const holds = stage.validate(['a', 'b']);
  for (const obstacle of ['locked', 'wrong-epoch'] as const) {
    deepEqual(stage.take(), ['validate']);
    stage.answerWritten([obstacle]);
    stage.pass(100);
  }
  stage.take();
  stage.answerWritten(['done']);
  equal(holds.told, 'undefined');
  const fails = stage.validate(['a', 'b']);
  stage.take();
  stage.answerReplies([{ type: 'check-failed', position: 1, version: 9 }]);
  equal(fails.told, '1');
  const refused = stage.validate(['a']);
  stage.take();
  stage.answerWritten(['malformed']);
  equal(refused.told, 'refused notApplied');
  equal(stage.validate([]).told, 'undefined');
});

test('messages show keys as text, or else in hex', () => {
  equal(keyText(Buffer.from('user:7')), '"user:7"');
  equal(keyText(Uint8Array.of(0, 255)), '0x00ff');
  equal(keyText(Buffer.from('a\nb')), '0x610a62');
  equal(keyText(Buffer.from('x'.repeat(100))), `"${'x'.repeat(48)}…"`);
});

test('near the timeout the home shard is asked for an unknown outcome', () => {
  const aborted: Reply = { type: 'refused', reason: 'aborted', position: 0 };
  const gaveWay: Reply = { type: 'refused', reason: 'gave-way', position: 0 };
  const failed: Reply = { type: 'check-failed', position: 0, version: 3 };
  for (const [reply, told] of [
    [aborted, 'timeout notApplied'],
    [gaveWay, 'contended notApplied'],
    [failed, 'check-failed'],
    [COMMITTED, 'done'],
  ] as const) {
    const stage = new Stage({ isTimeKnown: true, shards: 2 });
    const put = stage.together([LEFT, RIGHT], 2000);
    match(stage.take().join(), /^transact/);
    stage.pass(2000 - CLIENT_LIMITS.settleMilliseconds - 10);
    deepEqual(stage.take(), []);
    stage.pass(10);
    deepEqual(stage.take(), ['settle']);
    stage.answerSettled(reply);
    equal(put.told, told);
    // Later answers say the same, and have no receiver.
    stage.answerReplies([COMMITTED]);
    equal(put.told, told);
    stage.pass(400);
    deepEqual(stage.take(), []);
  }
});

test('without a decision the outcome is unknown, with a lost result it is applied', () => {
  const unanswered = new Stage({ isTimeKnown: true, shards: 2 });
  const silent = unanswered.together([LEFT, RIGHT], 400);
  unanswered.pass(300);
  deepEqual(unanswered.take().slice(1), ['settle'], 'a quarter of the time at most');
  unanswered.answerSettled({ type: 'refused', reason: 'deadline-passed', position: 0 });
  equal(silent.told, '');
  unanswered.pass(100);
  equal(silent.told, 'timeout unknown');

  const committed = new Stage({ isTimeKnown: true, shards: 2 });
  const lost = committed.together([LEFT, RIGHT], 400);
  committed.pass(300);
  committed.take();
  committed.answerSettled({ type: 'committed', versions: [], outputs: [] });
  equal(lost.told, '');
  committed.pass(100);
  equal(lost.told, 'answer-lost applied');

  const late = new Stage({ isTimeKnown: true, shards: 2 });
  const told = late.together([LEFT, RIGHT], 400);
  late.pass(300);
  late.take();
  late.answerSettled({ type: 'committed', versions: [], outputs: [] });
  late.answerReplies([COMMITTED]);
  equal(told.told, 'done');
});

test('a transaction without a doubt asks for no outcome', () => {
  const stage = new Stage({ isTimeKnown: true, shards: 2 });
  const put = stage.together([LEFT, RIGHT], 400);
  for (let round = 0; round < 60 && put.told === ''; round++) {
    const asked = stage.take();
    equal(asked.includes('settle'), false);
    if (asked.length > 0) stage.answerWritten(['gave-way']);
    stage.pass(10);
  }
  equal(put.told, 'contended notApplied');
});
