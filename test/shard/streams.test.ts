/** What a replica tells the clients that watch it. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { WATCH_LIMITS } from '../../src/base/watch-limits.ts';
import { Flow } from '../../src/shard/fair-queue.ts';
import { FAIRNESS_LIMITS } from '../../src/shard/fairness-limits.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import { bytesOf, put, remove } from '../machine/machine-rig.ts';
import { WatchRig } from './watch-rig.ts';

/** It records, and has applied this many entries. */
function recording() {
  const rig = new WatchRig();
  rig.record();
  return { rig, at: rig.replica.applied };
}

function behind(rig: WatchRig, index = rig.replica.applied) {
  return { position: { index, term: rig.replica.term }, cursor: undefined };
}

test('a watch begins with the rows of its range', () => {
  const { rig, at } = recording();
  rig.do(put('a', '1'), put('b', '2'), put('c', '3'));
  const watcher = rig.watch({ from: 'a', to: 'c' });
  deepEqual(watcher.news, [`rows-end 0>${at + 1} a=1@${at + 1} b=2@${at + 1}`]);
});

test('a watch of a range without rows is told that there are none', () => {
  const { rig, at } = recording();
  deepEqual(rig.watch({ from: 'x' }).news, [`rows-end 0>${at}`]);
});

test('a watch is told each change of its range, and nothing else', () => {
  const { rig, at } = recording();
  const watcher = rig.watch({ from: 'a', to: 'c', start: behind(rig) });
  rig.do(put('a', '1'));
  rig.do(put('c', '1'));
  rig.do(put('b', '2'), put('d', '2'), put('a', '3'));
  rig.do(remove('a'));
  deepEqual(watcher.news, [
    `changes ${at}>${at + 1} a=1@${at + 1}`,
    `changes ${at + 1}>${at + 3} b=2@${at + 3} & a=3@${at + 3}<${at + 1}`,
    `changes ${at + 3}>${at + 4} a delete<${at + 3}`,
  ]);
});

test('a watch without values is told keys and versions', () => {
  const { rig, at } = recording();
  rig.do(put('a', '1'));
  const watcher = rig.watch({ keysOnly: true });
  rig.do(put('b', '2'));
  deepEqual(watcher.news, [
    `rows-end 0>${at + 1} a@${at + 1}`,
    `changes ${at + 1}>${at + 2} b@${at + 2}`,
  ]);
});

test('watchers of one range are each told what they asked for, from where they are', () => {
  const { rig, at } = recording();
  const start = behind(rig);
  rig.do(put('a', '1'));
  const later = behind(rig);
  const watchers = [{ start }, { start }, { start, keysOnly: true }, { start: later }].map(
    (terms) => rig.watch({ from: 'a', to: 'b', ...terms }),
  );
  rig.do(put('a', '2'));
  const first = `changes ${at}>${at + 1} a=1@${at + 1}`;
  const second = `changes ${at + 1}>${at + 2} a=2@${at + 2}<${at + 1}`;
  deepEqual(
    watchers.map(({ news }) => news),
    [
      [first, second],
      [first, second],
      [first, second].map((text) => text.replace(/=\d/, '')),
      [second],
    ],
  );
});

test('a part of a transaction is told when it is resolved, and not when it is prepared', () => {
  const { rig, at } = recording();
  const watcher = rig.watch();
  deepEqual(watcher.news, [`rows-end 0>${at}`]);
  rig.held.prepare(5, put('a', 'x'));
  rig.do(put('b', '1'));
  deepEqual(watcher.news, [`changes ${at}>${at + 2} b=1@${at + 2}`]);
  rig.held.resolve(5, true);
  deepEqual(watcher.news, [`changes ${at + 2}>${at + 3} a=x@${at + 1}`]);
});

test('a key that a transaction holds is read as it is stored', () => {
  const { rig, at } = recording();
  rig.do(put('a', '1'));
  rig.held.prepare(5, put('a', 'x'));
  const watcher = rig.watch();
  deepEqual(watcher.news, [`rows-end 0>${at + 2} a=1@${at + 1}`]);
  rig.held.resolve(5, true);
  deepEqual(watcher.news, [`changes ${at + 2}>${at + 3} a=x@${at + 2}<${at + 1}`]);
});

test('a watch continues behind its position, from what the replica remembers', () => {
  const { rig, at } = recording();
  rig.do(put('a', '1'));
  rig.do(put('a', '2'));
  const watcher = rig.watch({ start: behind(rig, at + 1) });
  deepEqual(watcher.news, [`changes ${at + 1}>${at + 2} a=2@${at + 2}<${at + 1}`]);
});

test('a position that the replica does not know any more ends the watch', () => {
  const rig = new WatchRig();
  rig.do(put('a', '1'));
  const old = behind(rig, rig.replica.applied - 1);
  rig.record();
  deepEqual(rig.watch({ start: old }).news, ['history-gone']);
  equal(rig.rig.streams.gone, 1);
  equal(rig.rig.streams.streams, 0);
});

test('a position of another term ends the watch', () => {
  const { rig, at } = recording();
  const start = { position: { index: at, term: rig.replica.term + 1 }, cursor: undefined };
  deepEqual(rig.watch({ start }).news, ['history-gone']);
});

test('changes that are not recorded end every watch before anything else is told', () => {
  const { rig, at } = recording();
  const [one, other] = [rig.watch({ from: 'a', to: 'b' }), rig.watch({ from: 'x' })];
  one.news;
  other.news;
  rig.rig.now += 2 * SHARD_LIMITS.recordMilliseconds;
  rig.do(put('a', '1'));
  deepEqual([one.news, other.news], [['history-gone'], ['history-gone']]);
  equal(rig.replica.applied, at + 1);
});

test('what was missed and what was recorded behind it may be applied together', () => {
  const { rig } = recording();
  const watcher = rig.watch({ from: 'a', to: 'b' });
  watcher.news;
  rig.rig.now += 2 * SHARD_LIMITS.recordMilliseconds;
  const milliseconds = SHARD_LIMITS.recordMilliseconds;
  rig.together(
    rig.held.batch([put('a', '1')]),
    { type: 'record-changes', milliseconds },
    rig.held.batch([put('a', '2')]),
  );
  deepEqual(watcher.news, ['history-gone']);
});

test('a range is not read in a shard that does not record', () => {
  const rig = new WatchRig();
  rig.do(put('a', '1'));
  deepEqual(rig.watch().news, ['not-recording']);
  deepEqual(rig.watch({ start: behind(rig) }).news, [], 'a position may still be good');
});

test('a watch waits for the state that it wants', () => {
  const { rig, at } = recording();
  const watcher = rig.watch({ atLeast: at + 2 });
  rig.do(put('a', '1'));
  deepEqual(watcher.news, []);
  rig.do(put('b', '2'));
  deepEqual(watcher.news, [`rows-end 0>${at + 2} a=1@${at + 1} b=2@${at + 2}`]);
});

test('a position that a leader has not committed is of a lost history', () => {
  const { rig, at } = recording();
  const watcher = rig.watch({ start: behind(rig, at + 9) });
  rig.pass(WATCH_LIMITS.progressMilliseconds + 100);
  deepEqual(watcher.news, ['history-gone']);
});

test('credit stops a watch, and more of it lets it go on', () => {
  const { rig, at } = recording();
  const watcher = rig.watch({ start: behind(rig), credit: 1 });
  rig.do(put('a', '1'));
  rig.do(put('b', '2'));
  rig.do(put('b', '3'));
  deepEqual(watcher.news, [`changes ${at}>${at + 1} a=1@${at + 1}`]);
  watcher.grant(10);
  deepEqual(watcher.news, [], 'a debt is paid first');
  watcher.grant(1000);
  deepEqual(watcher.news, [`changes ${at + 1}>${at + 3} b=2@${at + 2} b=3@${at + 3}<${at + 2}`]);
});

test('the lag is that of the slowest watch, in entries', () => {
  const { rig } = recording();
  const start = behind(rig);
  rig.watch({ start });
  rig.watch({ start, from: 'x' });
  equal(rig.replica.watchLagEntries, 0);
  const slow = rig.watch({ start, credit: 1 });
  for (const value of ['1', '2', '3', '4']) rig.do(put('a', value));
  rig.settle();
  equal(rig.replica.watchLagEntries, 3, 'one change has used up its credit');
  slow.grant(1000);
  rig.settle();
  equal(rig.replica.watchLagEntries, 0);
});

test('a watch that waits for credit holds up no other one', () => {
  const { rig, at } = recording();
  const share = new Flow({ client: 1, mayGoOn: () => true });
  const slow = rig.watch({ start: behind(rig), credit: 1, share });
  const quick = rig.watch({ start: behind(rig), share });
  rig.do(put('a', '1'));
  rig.do(put('a', '2'));
  equal(slow.news.length, 1);
  equal(quick.news.length, 2);
  equal(rig.replica.applied, at + 2);
});

test('a client whose answers are not sent is told nothing more until they are', () => {
  const { rig, at } = recording();
  let isFull = false;
  const share = new Flow({ client: 1, mayGoOn: () => !isFull });
  const watcher = rig.watch({ start: behind(rig), share });
  isFull = true;
  for (const value of ['1', '2', '3']) rig.do(put('a', value));
  deepEqual(watcher.news, []);
  isFull = false;
  const versions = [`a=1@${at + 1}`, `a=2@${at + 2}<${at + 1}`, `a=3@${at + 3}<${at + 2}`];
  deepEqual(watcher.news, [`changes ${at}>${at + 3} ${versions.join(' ')}`]);
});

test('progress comes while nothing changes, and with proof only', () => {
  const { rig, at } = recording();
  const watcher = rig.watch({ start: behind(rig) });
  rig.pass(100);
  deepEqual(watcher.news, [`progress ${at}>${at}`]);
  rig.record();
  rig.pass(WATCH_LIMITS.progressMilliseconds);
  deepEqual(watcher.news, [`progress ${at}>${at + 1}`]);
});

test('progress never overtakes changes that wait for credit', () => {
  const { rig, at } = recording();
  const watcher = rig.watch({ start: behind(rig), credit: 1 });
  rig.do(put('a', '1'));
  rig.do(put('a', '2'));
  deepEqual(watcher.news, [`changes ${at}>${at + 1} a=1@${at + 1}`]);
  rig.pass(2 * WATCH_LIMITS.progressMilliseconds);
  deepEqual(watcher.news, []);
});

test('progress needs no credit where nothing waits for it', () => {
  const { rig, at } = recording();
  const watcher = rig.watch({ start: behind(rig), credit: 1 });
  rig.do(put('a', '1'));
  rig.pass(100);
  deepEqual(watcher.news, [
    `changes ${at}>${at + 1} a=1@${at + 1}`,
    `progress ${at + 1}>${at + 1}`,
  ]);
});

test('an index that is asked for is told as soon as it is reached', () => {
  const { rig, at } = recording();
  const watcher = rig.watch({ from: 'x', start: behind(rig) });
  watcher.handle?.reach(at);
  deepEqual(watcher.news, [`progress ${at}>${at}`]);
  watcher.handle?.reach(at + 2);
  rig.do(put('a', '1'));
  deepEqual(watcher.news, []);
  rig.do(put('a', '2'));
  deepEqual(watcher.news, [`progress ${at}>${at + 2}`]);
});

test('each of several indexes is told, in whatever order they were asked for', () => {
  const { rig, at } = recording();
  const watcher = rig.watch({ from: 'x', start: behind(rig) });
  for (const ahead of [3, 1, 2]) watcher.handle?.reach(at + ahead);
  for (const ahead of [1, 2, 3]) {
    rig.do(put('a', `${ahead}`));
    deepEqual(watcher.news, [`progress ${at + ahead - 1}>${at + ahead}`]);
  }
  rig.do(put('a', '4'));
  deepEqual(watcher.news, []);
});

test('an index is told behind the changes before it', () => {
  const { rig, at } = recording();
  const watcher = rig.watch({ start: behind(rig) });
  watcher.handle?.reach(at + 1);
  rig.do(put('a', '1'));
  deepEqual(watcher.news, [
    `changes ${at}>${at + 1} a=1@${at + 1}`,
    `progress ${at + 1}>${at + 1}`,
  ]);
});

test('a watch that is cancelled is told nothing more', () => {
  const { rig } = recording();
  const watcher = rig.watch({ start: behind(rig) });
  watcher.handle?.cancel();
  watcher.handle?.cancel();
  rig.do(put('a', '1'));
  rig.pass(WATCH_LIMITS.progressMilliseconds);
  deepEqual(watcher.news, []);
  deepEqual([rig.replica.watching, rig.rig.streams.streams], [{ streams: 0, ranges: 0 }, 0]);
});

test('a replica that ends tells its watchers that the shard is elsewhere', () => {
  const { rig } = recording();
  const watcher = rig.watch();
  watcher.news;
  rig.replica.end();
  deepEqual(watcher.news, ['not-here']);
  deepEqual(rig.replica.watching, { streams: 0, ranges: 0 });
});

test('a replica that watches tells its node before the recording ends', () => {
  const { rig } = recording();
  const first = rig.watch();
  rig.pass(100);
  equal(rig.rig.recordingDue, 0);
  first.handle?.cancel();
  rig.rig.now += SHARD_LIMITS.recordMilliseconds / 2;
  rig.watch();
  rig.pass(100);
  ok(rig.rig.recordingDue > 0);
});

test('the rows of a large range come in pages, each behind the changes of the keys before', () => {
  const { rig, at } = recording();
  const value = 'v'.repeat(WATCH_LIMITS.changesBytesMax / 3);
  for (const key of ['a', 'b', 'c', 'd']) rig.do(put(key, value));
  const watcher = rig.watch({ credit: 1 });
  const [first, ...others] = watcher.news.map((text) => text.replaceAll(value, 'v'));
  equal(first, `rows 0>${at + 4} a=v@${at + 1} b=v@${at + 2} c=v@${at + 3} then "c\\u0000"`);
  deepEqual(others, [], 'it has used up its credit');
  rig.do(put('d', '2'));
  rig.do(put('a', '3'));
  watcher.grant(2 * WATCH_LIMITS.changesBytesMax);
  const texts = watcher.news.map((text) => text.replaceAll(value, 'v'));
  deepEqual(texts, [
    `changes ${at + 4}>${at + 6} a=3@${at + 6}<${at + 1}`,
    `rows-end ${at + 6}>${at + 6} d=2@${at + 5}`,
  ]);
});

test('a page has as many small rows as a message holds', () => {
  const { rig, at } = recording();
  const keys = Array.from({ length: 3 * FAIRNESS_LIMITS.sliceRows }, (_, number) => `k${number}`);
  rig.do(...keys.map((key) => put(key, '1')));
  const watcher = rig.watch();
  const [only, ...others] = watcher.news;
  deepEqual(others, []);
  const rows = keys.sort().map((key) => `${key}=1@${at + 1}`);
  equal(only, [`rows-end 0>${at + 1}`, ...rows].join(' '));
});

test('a client that lost its stream in the middle of a range goes on from there', () => {
  const { rig, at } = recording();
  rig.do(put('a', '1'), put('b', '2'), put('c', '3'));
  const start = { position: { index: at, term: rig.replica.term }, cursor: bytesOf('b') };
  const watcher = rig.watch({ start });
  deepEqual(watcher.news, [
    `changes ${at}>${at + 1} a=1@${at + 1}`,
    `rows-end ${at + 1}>${at + 1} b=2@${at + 1} c=3@${at + 1}`,
  ]);
});

test('pages of one connection compete for views with its other ranges', () => {
  const { rig, at } = recording();
  const share = new Flow({ client: 1, mayGoOn: () => true });
  share.ranges = FAIRNESS_LIMITS.rangesMax;
  const watcher = rig.watch({ share });
  deepEqual(watcher.news, []);
  share.ranges = 0;
  rig.fair.list(share);
  deepEqual(watcher.news, [`rows-end 0>${at}`]);
  equal(share.ranges, 0);
});
