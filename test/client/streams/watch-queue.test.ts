/** What waits for the consumer of a watch, and what its token names behind each event. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { clusterDigest } from '../../../src/client/core/streams/resume-point.ts';
import type { ChangesFact, StreamMark } from '../../../src/client/core/streams/watch-call.ts';
import { WatchQueue } from '../../../src/client/core/streams/watch-queue.ts';
import type { KeyChange } from '../../../src/machine/key-change.ts';

const ARCS = [
  { from: 0, to: 8 },
  { from: 8, to: 16 },
];
type Marks = readonly [before: number | undefined, through: number | undefined];

const at = (index: number, skip = 0): StreamMark => ({ position: { index, term: 1 }, skip });

function changes(place: number, versions: readonly number[], marks: Marks): ChangesFact {
  const told = versions.map((version): KeyChange => {
    const rest = { value: undefined, transaction: 0, isLast: true };
    return { kind: 'set', key: new Uint8Array([version]), previous: 0, version, ...rest };
  });
  const [before, through] = marks.map((index) => (index === undefined ? undefined : at(index)));
  const rest = { isFromRead: before === undefined, bytes: 10 * versions.length, before, through };
  return { type: 'changes', place, shard: place + 1, changes: told, ...rest };
}

function queueOf(): WatchQueue {
  const queue = new WatchQueue();
  queue.push({ type: 'began', arcs: ARCS, cluster: 'mine' });
  return queue;
}

function marksOf({ point }: WatchQueue): readonly string[] | undefined {
  return point?.arcs.map(({ mark: { position, skip } }) => `${position.index}+${skip}`);
}

function taken(queue: WatchQueue): string {
  const news = queue.first();
  queue.advance();
  return news?.type === 'change' ? `change ${news.change.version}` : (news?.type ?? 'nothing');
}

test('a token names exactly what was taken, also in the middle of a message', () => {
  const queue = queueOf();
  queue.push({ type: 'moved', place: 0, mark: at(3) });
  equal(marksOf(queue), undefined);
  queue.push({ type: 'moved', place: 1, mark: at(5) });
  queue.push(changes(0, [4, 6, 7], [3, 7]));
  deepEqual(marksOf(queue), ['3+0', '5+0']);
  equal(taken(queue), 'change 4');
  deepEqual(marksOf(queue), ['3+1', '5+0']);
  equal(taken(queue), 'change 6');
  deepEqual(queue.takeConsumed(), []);
  equal(taken(queue), 'change 7');
  deepEqual(marksOf(queue), ['7+0', '5+0']);
  deepEqual(queue.takeConsumed(), [{ place: 0, bytes: 30 }]);
  deepEqual(queue.point?.cluster, clusterDigest('mine'));
});

test('a range that is being read is no position before its last row', () => {
  const queue = queueOf();
  queue.push({ type: 'moved', place: 1, mark: at(5) });
  queue.push(changes(0, [2], [undefined, undefined]));
  queue.push(changes(0, [4], [undefined, 9]));
  taken(queue);
  equal(queue.point, undefined);
  taken(queue);
  deepEqual(marksOf(queue), ['9+0', '5+0']);
});

test('in the middle of a re-read a token names nothing of the shards that are read', () => {
  const queue = queueOf();
  for (const place of [0, 1]) queue.push({ type: 'moved', place, mark: at(5) });
  queue.push({ type: 'compacted', differences: true, place: 1 });
  queue.push(changes(1, [7], [undefined, 9]));
  equal(taken(queue), 'compacted');
  deepEqual(marksOf(queue), ['5+0', '0+0']);
  taken(queue);
  deepEqual(marksOf(queue), ['5+0', '9+0']);
});

test('progress that no loop takes is one event, behind what was told before', () => {
  const queue = queueOf();
  for (const place of [0, 1]) queue.push({ type: 'moved', place, mark: at(5) });
  queue.push(changes(0, [6], [5, 6]));
  for (let index = 7; index < 5000; index++) {
    queue.push({ type: 'moved', place: 0, mark: at(index) });
    queue.push({ type: 'progress' });
  }
  deepEqual([taken(queue), taken(queue), taken(queue)], ['change 6', 'progress', 'nothing']);
  deepEqual(marksOf(queue), ['4999+0', '5+0']);
});

test('a sync ends when the event in front of it was taken', () => {
  const queue = queueOf();
  let settled = 0;
  const sync = { timeoutMilliseconds: 1, isOver: false, settle: () => (settled += 1) };
  queue.push(changes(0, [6], [5, 6]));
  queue.push({ type: 'reached', sync });
  equal(settled, 0);
  taken(queue);
  equal(settled, 1);
});

test('a sync waits for changes, and not until the consumer has heard of the watch itself', () => {
  const queue = queueOf();
  let settled = 0;
  const sync = { timeoutMilliseconds: 1, isOver: false, settle: () => (settled += 1) };
  queue.push({ type: 'synced' });
  for (const place of [0, 1]) queue.push({ type: 'moved', place, mark: at(5) });
  queue.push({ type: 'progress' });
  queue.push({ type: 'reached', sync });
  equal(settled, 1);
  deepEqual(marksOf(queue), ['5+0', '5+0']);
  deepEqual([taken(queue), taken(queue), taken(queue)], ['synced', 'progress', 'nothing']);
});

test('a consumer that was slow is told so before what waits', () => {
  const queue = queueOf();
  queue.push(changes(0, [6], [5, 6]));
  queue.push({ type: 'lagging', milliseconds: 1200 });
  deepEqual([taken(queue), taken(queue)], ['lagging', 'change 6']);
});

test('what was not taken is in no token, and can be left out deliberately', () => {
  const queue = queueOf();
  for (const place of [0, 1]) queue.push({ type: 'moved', place, mark: at(5) });
  queue.push(changes(0, [6, 7], [5, 8]));
  const behind = () => queue.pointBehind?.arcs.map(({ mark }) => mark);
  equal(queue.first()?.type, 'change');
  equal(queue.first()?.type, 'change');
  deepEqual(
    [marksOf(queue), behind()],
    [
      ['5+0', '5+0'],
      [at(5, 1), at(5)],
    ],
  );
  queue.advance();
  deepEqual(
    [marksOf(queue), behind()],
    [
      ['5+1', '5+0'],
      [at(8), at(5)],
    ],
  );
  queue.advance();
  deepEqual([marksOf(queue), behind()], [['8+0', '5+0'], undefined]);
  queue.push(changes(0, [9], [undefined, 9]));
  equal(behind(), undefined);
});
