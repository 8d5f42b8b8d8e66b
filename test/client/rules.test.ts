/** The rules of retries and outcomes, one by one, against answers that the test writes. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT_LIMITS } from '../../src/client/limits.ts';
import { arcOf } from '../../src/ring/arc.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { Stage } from './model/stage.ts';

test('a shard is asked for its log time before a deadline is set in it', () => {
  const stage = new Stage();
  const put = stage.put('a');
  deepEqual(stage.take(), ['range shard 1']);
  stage.answerRange(5_000_000);
  deepEqual(stage.take(), ['write shard 1, slot 0.0, deadline 5010000']);
  stage.answerWritten(['done']);
  equal(put.told, 'done');
});

test('a lost connection leaves a doubt, and the same batch is sent again', () => {
  const stage = new Stage({ isTimeKnown: true });
  const put = stage.put('a');
  const [first] = stage.take();
  stage.breakLink();
  stage.pass(200);
  deepEqual(stage.take(), [first]);
  stage.answerWritten(['done']);
  equal(put.told, 'done');
});

test('a call that ends with a doubt fails with unknown, any other with notApplied', () => {
  const stage = new Stage({ isTimeKnown: true });
  const doubted = stage.put('a', 100);
  stage.take();
  stage.breakLink();
  stage.pass(150);
  equal(doubted.told, 'timeout unknown');

  const refused = stage.put('b', 300);
  stage.take();
  stage.answerFailed('not-here');
  stage.pass(20);
  for (let round = 0; round < 30 && refused.told === ''; round++) {
    if (stage.take().some((text) => text.startsWith('write'))) stage.answerFailed('overloaded', 50);
    stage.pass(20);
  }
  equal(refused.told, 'overloaded notApplied');
});

test('a deadline that passed for the only copy is renewed; with a second one it fails', () => {
  const stage = new Stage({ isTimeKnown: true });
  const put = stage.put('a');
  stage.take();
  stage.answerWritten(['deadline-passed'], 9_000_000);
  stage.pass(200);
  deepEqual(stage.take(), ['write shard 1, slot 0.1, deadline 9010000']);
  stage.breakLink();
  stage.pass(300);
  equal(stage.take().length, 1);
  stage.answerWritten(['deadline-passed'], 9_900_000);
  equal(put.told, 'timeout unknown');
});

test('a final refusal ends the call at once, without a retry', () => {
  const stage = new Stage({ isTimeKnown: true });
  const put = stage.put('a');
  stage.take();
  stage.answerWritten(['not-a-number']);
  equal(put.told, 'not-a-number notApplied');
  stage.pass(2000);
  deepEqual(stage.take(), []);
});

test('a request that timed out gives its slot to the next one, which acknowledges it', () => {
  const stage = new Stage({ isTimeKnown: true });
  stage.put('a', 50);
  stage.take();
  stage.pass(100);
  stage.put('b');
  deepEqual(stage.take(), ['write shard 1, slot 0.1, deadline 5010100']);
});

test('commands with one key are sent in one frame, in batches one after the other', () => {
  const stage = new Stage({ isTimeKnown: true });
  stage.puts(['a', 'b', 'a', 'c']);
  deepEqual(stage.take(), [
    'write shard 1, slot 0.0, deadline 5010000',
    'write shard 1, slot 1.0, deadline 5010000',
  ]);
  equal(stage.frames, 1);
});

test('a node that owes an answer is probed, and then its connection is closed', () => {
  const stage = new Stage({ isTimeKnown: true });
  stage.put('a');
  stage.take();
  stage.pass(CLIENT_LIMITS.silenceMilliseconds + 50);
  deepEqual(stage.take(), []);
  equal(stage.signs, 1);
  equal(stage.hangUps, 0);
  stage.pass(CLIENT_LIMITS.silenceMillisecondsMax);
  equal(stage.hangUps, 1);
});

test('a client that slept does not blame the node for silence', () => {
  const stage = new Stage({ isTimeKnown: true });
  stage.put('a');
  stage.take();
  stage.sleep(8000);
  equal(stage.hangUps, 0);
});

test('retries are limited by the budget, which time refills', () => {
  const stage = new Stage({ isTimeKnown: true });
  const count = CLIENT_LIMITS.retriesMax + 500;
  for (let at = 0; at < count; at++) stage.puts([`k${at}`]);
  equal(stage.take().length, count);
  stage.breakLink();
  stage.pass(45);
  const allowed = CLIENT_LIMITS.retriesMax + CLIENT_LIMITS.retriesPerSecond * 0.05;
  const sent = stage.take().length;
  equal(sent > 0 && sent <= allowed, true, `${sent} of ${allowed}`);
});

test('a request that meets a locked key takes no retry from those that meet an outage', () => {
  const stage = new Stage({ isTimeKnown: true });
  const count = CLIENT_LIMITS.retriesMax + 500;
  for (let at = 0; at < count; at++) stage.puts([`k${at}`]);
  stage.take();
  for (let at = 0; at < count; at++) stage.answerWritten(['locked']);
  stage.pass(40);
  equal(stage.take().length, count);
  stage.breakLink();
  stage.pass(200);
  equal(stage.take().length >= CLIENT_LIMITS.retriesMax, true);
});

test('a call beyond the limit is refused at once, without effect', () => {
  const stage = new Stage({ isTimeKnown: true });
  const keys = Array.from({ length: CLIENT_LIMITS.callsMax }, (_, at) => `k${at}`);
  stage.puts(keys);
  equal(stage.put('more').told, 'too-many-calls notApplied');
});

test('a command that meets a locked key is sent again with the same numbers, alone', () => {
  const stage = new Stage({ isTimeKnown: true });
  stage.puts(['a', 'b']);
  stage.take();
  stage.answerWritten(['done', 'locked']);
  stage.pass(100);
  deepEqual(stage.take(), ['write shard 1, slot 0.0, deadline 5010000, 1 of 2']);
  stage.answerWritten(['done', 'done']);
  const late = stage.put('c', 100);
  for (let round = 0; round < 20 && late.told === ''; round++) {
    if (stage.take().length > 0) stage.answerWritten(['locked']);
    stage.pass(10);
  }
  equal(late.told, 'contended notApplied');
});

test('a page with an unreadable answer is asked for again, and then fails with a code', () => {
  const stage = new Stage({ isTimeKnown: true });
  const broken = [{ key: new Uint8Array([1]), row: new Uint8Array([0xff, 0xff]) }];
  const once = stage.page();
  stage.take();
  stage.answerRows(broken);
  stage.pass(200);
  deepEqual(stage.take(), ['range shard 1']);
  stage.answerRows([]);
  equal(once.told, '0 rows');

  const ever = stage.page();
  for (let round = 0; round < CLIENT_LIMITS.brokenAnswersMax; round++) {
    equal(ever.told, '');
    equal(stage.take().length, 1);
    stage.answerRows(broken);
    stage.pass(500);
  }
  equal(ever.told, 'refused notApplied');
});

test('a slow request delays no other one, however many there are', () => {
  const stage = new Stage({ isTimeKnown: true });
  const stuck = stage.put('stuck');
  stage.take();
  stage.answerWritten(['locked']);
  for (let at = 0; at < 3 * CLIENT_LIMITS.windowRequestsMax; at++) {
    const put = stage.put(`k${at}`);
    deepEqual(stage.take(), [`write shard 1, slot 1.${at}, deadline 5010000`]);
    stage.answerWritten(['done']);
    equal(put.told, 'done');
  }
  stage.pass(200);
  deepEqual(stage.take(), ['write shard 1, slot 0.0, deadline 5010000']);
  stage.answerWritten(['done']);
  equal(stuck.told, 'done');
});

test('open requests of one shard are limited by its window, and other shards do not wait', () => {
  const { windowRequestsMax } = CLIENT_LIMITS;
  const stage = new Stage({ isTimeKnown: true, shards: 2 });
  const [left, right] = [1, 2].map((shard) => keyOf(shard)) as [string, string];
  for (let at = 0; at < windowRequestsMax + 5; at++) stage.put(left);
  equal(stage.take().length, windowRequestsMax);
  stage.put(right);
  deepEqual(stage.take(), [`write shard 2, slot ${windowRequestsMax}.0, deadline 10010000`]);
  stage.answerWritten(['done']);
  stage.answerWritten(['done']);
  equal(stage.take().length, 2, 'each answer makes room');
});

test('commands that have ended are left out of later copies, and positions stay', () => {
  const stage = new Stage({ isTimeKnown: true });
  stage.puts(['a', 'b', 'c']);
  stage.take();
  stage.answerWritten(['locked', 'done', 'locked']);
  stage.pass(100);
  deepEqual(stage.take(), ['write shard 1, slot 0.0, deadline 5010000, 2 of 3']);
  stage.breakLink();
  stage.pass(300);
  deepEqual(stage.take(), ['write shard 1, slot 0.0, deadline 5010000, 2 of 3']);
});

/** A key in this one of two shards. */
function keyOf(shard: number): string {
  for (let at = 0; ; at++) {
    const key = `key ${at}`;
    if (arcOf(keyPosition(Buffer.from(key)), 2) === shard - 1) return key;
  }
}
