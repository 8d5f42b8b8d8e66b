/** A client whose user may store no more: which of its calls fail, and how often it asks. */

import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { Stage } from './model/stage.ts';

test('one call fails at once with what is stored, allowed and asked for', () => {
  const stage = new Stage({ isTimeKnown: true });
  const put = stage.put('a');
  stage.take();
  stage.answerStorageLimited();
  equal(put.told, 'storage-limit-exceeded notApplied');
  match(put.message, /10 keys are stored .* adds 1; the limit is 10 keys \(storedKeys\)/);
  stage.pass(5000);
  deepEqual(stage.take(), [], 'it does not ask again');
});

test('a batch of several calls is divided, each half under numbers of its own', () => {
  const stage = new Stage({ isTimeKnown: true });
  stage.puts(['a', 'b', 'c']);
  deepEqual(stage.take(), ['write shard 1, slot 0.0, deadline 5010000']);
  stage.answerStorageLimited();
  stage.pass(20);
  const halves = stage.take();
  deepEqual(halves.map((text) => text.replace(/, deadline.*/, '')).sort(), [
    'write shard 1, slot 0.1',
    'write shard 1, slot 1.0',
  ]);
});

test('a call whose earlier copy may have been applied ends with unknown', () => {
  const stage = new Stage({ isTimeKnown: true });
  const put = stage.put('a');
  stage.take();
  stage.breakLink();
  stage.pass(200);
  stage.take();
  stage.answerStorageLimited();
  equal(put.told, 'storage-limit-exceeded unknown');
});

test('a batch that may have been applied is not divided: it could be applied twice', () => {
  const stage = new Stage({ isTimeKnown: true });
  stage.puts(['a', 'b', 'c']);
  const [first] = stage.take();
  stage.breakLink();
  stage.pass(200);
  deepEqual(stage.take(), [first]);
  stage.answerStorageLimited();
  stage.pass(3000);
  deepEqual(stage.take(), []);
});
