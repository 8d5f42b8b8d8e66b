/** Spare segments, and the operations that create them. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { LogLimits } from '../../src/storage/limits.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { CREATION, command, writing } from './log-contract.ts';
import { appendNow, mustOpen, rest, TINY } from './log-life.ts';

const LONG = 'x'.repeat(1500);

test('a closed log has no operation in flight that could touch files of a later one', () => {
  // With some of these counts the last batch begins a segment, and a spare is missing then.
  for (let count = 1; count <= 60; count++) {
    const files = new MemoryFiles();
    const log = mustOpen(files);
    appendNow(files, log, [CREATION]);
    for (let index = 1; index <= count; index++) {
      log.append([writing([command(index, 1, LONG)])], () => {});
    }
    let isClosed = false;
    log.close(() => {
      isClosed = true;
    });
    while (!isClosed) assert.ok(files.step(), 'it closes');
    assert.equal(files.step(), false, `after ${count} entries`);
  }
});

/** A log that waits for space: nothing can be created, and all spares are used. */
function fullLog(files: MemoryFiles, limits: LogLimits = TINY) {
  const log = mustOpen(files, { limits });
  appendNow(files, log, [CREATION]);
  rest(files, log);
  files.capacity = sizeOf(files) + 2;
  const progress = { index: 0, durable: 0 };
  while (progress.durable === progress.index && progress.index < 500) {
    progress.index += 1;
    const last = progress.index;
    log.append([writing([command(last, 1, LONG)])], () => {
      progress.durable = last;
    });
    files.settle();
  }
  assert.ok(progress.durable < progress.index, 'something waits');
  assert.equal(log.fullness, 'full');
  return { log, progress };
}

function sizeOf(files: MemoryFiles): number {
  return [...files.image().values()].reduce((sum, { length }) => sum + length, 0);
}

test('on a full disk entries can still be forgotten, which frees space', () => {
  const files = new MemoryFiles();
  const { log, progress } = fullLog(files);
  const { durable: index } = progress;
  log.append([{ type: 'forget', shard: CREATION.shard, index }], () => {});
  for (let tick = 0; tick < 8; tick++) rest(files, log);
  assert.equal(log.replica(CREATION.shard)?.log.base.index, index);
  assert.equal(progress.durable, progress.index, 'what waited was written');
  assert.notEqual(log.fullness, 'full');
});

test('a full disk is not filled again and again to find out that it is full', () => {
  const files = new MemoryFiles();
  const { log } = fullLog(files);
  files.plan({ on: 'create', errno: 'ENOSPC' }, { times: 1_000_000 });
  // The system reports space that is not there, as with an exhausted quota.
  files.capacity += 10 * TINY.segmentBytes;
  const ticks = 500;
  const before = files.effects;
  for (let tick = 0; tick < ticks; tick++) {
    log.idle();
    files.settle();
  }
  const calls = files.effects - before;
  assert.ok(calls < 3 * ticks, `${calls} calls: a look a tick, and few attempts`);
  files.heal();
  for (let tick = 0; tick < ticks; tick++) {
    log.idle();
    files.settle();
  }
  assert.equal(log.fullness, 'ok');
});

const GROWING: LogLimits = {
  ...TINY,
  segmentBytesMin: 16_384,
  segmentBytes: 131_072,
  batchBytesMax: 60_000,
};

function segmentsOf(files: MemoryFiles): number[] {
  const sizes = [...files.image()].filter(([name]) => name.endsWith('.log'));
  return sizes.map(([, { length }]) => length);
}

test('segments are small at first, grow with what is written, and hold what is large', () => {
  const files = new MemoryFiles();
  const log = mustOpen(files, { limits: GROWING });
  appendNow(files, log, [CREATION]);
  assert.deepEqual(segmentsOf(files), [16_384]);
  appendNow(files, log, [writing([command(1, 1, 'x'.repeat(50_000))])]);
  const largest = Math.max(...segmentsOf(files));
  assert.ok(largest > 50_000 && largest < 70_000, `${largest} bytes`);
  for (let index = 2; index < 1000; index++) {
    appendNow(files, log, [
      writing([command(index, 1, 'x'.repeat(3000))]),
      { type: 'forget', shard: CREATION.shard, index: index - 1 },
    ]);
    log.idle();
  }
  rest(files, log);
  assert.ok(segmentsOf(files).includes(131_072));
  assert.ok(sizeOf(files) < 8 * 131_072, 'small ones were given up');
  files.kill();
  const again = mustOpen(files, { limits: GROWING, seed: 2 });
  assert.equal(again.replica(CREATION.shard)?.log.lastIndex, 999);
});

test('restarts without work do not take more and more space', () => {
  const files = new MemoryFiles();
  appendNow(files, mustOpen(files), [CREATION]);
  files.kill();
  for (let boot = 0; boot < 40; boot++) {
    mustOpen(files, { seed: boot });
    files.kill();
  }
  rest(files, mustOpen(files));
  assert.ok(sizeOf(files) <= 8 * TINY.segmentBytes, `${sizeOf(files)} bytes`);
});

test('on a full disk the reserve is released for the state store', () => {
  const files = new MemoryFiles();
  const limits = { ...TINY, reserveBytesMax: 8000, reservePieceBytes: 2000 };
  const { log } = fullLog(files, limits);
  const pieces = () =>
    [...files.image().keys()].filter((name) => name.startsWith('reserve-')).length;
  assert.equal(pieces(), 4);
  let granted = 0;
  const claim = (bytes: number) => {
    log.claim(bytes, () => {
      granted += 1;
    });
    rest(files, log);
  };
  claim(1500);
  assert.deepEqual([granted, pieces()], [1, 3]);
  files.capacity -= 1500;
  claim(3000);
  assert.deepEqual([granted, pieces()], [2, 1]);
  files.capacity -= 3000;
  claim(9000);
  assert.deepEqual([granted, pieces()], [2, 0], 'what is too much waits');
  files.capacity += 12 * TINY.segmentBytes;
  for (let tick = 0; tick < 8; tick++) rest(files, log);
  assert.deepEqual([granted, pieces()], [3, 4], 'and the reserve is made again');
});

test('a start needs no more than a page or two of a full disk', () => {
  const files = new MemoryFiles();
  const limits = { ...TINY, segmentBytesMin: 4096 * 200, segmentBytes: 4096 * 200 };
  const log = mustOpen(files, { limits });
  appendNow(files, log, [CREATION]);
  files.kill();
  for (const name of [...files.image().keys()]) {
    if (name.startsWith('spare-')) files.remove(name, () => {});
  }
  files.settle();
  files.capacity = sizeOf(files) + 300 * 1024;
  const again = mustOpen(files, { limits, seed: 2 });
  assert.equal(again.fullness, 'full');
  assert.ok(again.replica(CREATION.shard) !== undefined);
});

test('a start gives back what an incarnation needed that wrote much', () => {
  const files = new MemoryFiles();
  const limits = {
    ...GROWING,
    segmentBytes: 16 * 131_072,
    reserveBytesMax: 800_000,
    reservePieceBytes: 20_000,
  };
  const log = mustOpen(files, { limits });
  appendNow(files, log, [CREATION]);
  for (let index = 1; index < 3000; index++) {
    appendNow(files, log, [
      writing([command(index, 1, 'x'.repeat(3000))]),
      { type: 'forget', shard: CREATION.shard, index: index - 1 },
    ]);
    log.idle();
  }
  rest(files, log);
  const large = sizeOf(files);
  files.kill();
  const again = mustOpen(files, { limits, seed: 2 });
  for (let tick = 0; tick < 40; tick++) rest(files, again);
  assert.ok(large > 1_000_000, `${large} bytes were of use`);
  assert.equal(again.metrics().spares, limits.sparesMin);
  const kept = [...files.image()].filter(([name]) => !name.endsWith('.log'));
  const bytes = kept.reduce((sum, [, { length }]) => sum + length, 0);
  assert.ok(bytes < 10 * limits.segmentBytesMin, `${bytes} of ${large} bytes are kept in spare`);
  assert.equal(again.replica(CREATION.shard)?.log.lastIndex, 2999);
});
