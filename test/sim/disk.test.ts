/** A crash leaves what a real disk could leave, and nothing else. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemberId, ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import type { Entry } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import { Agenda } from './agenda.ts';
import { Disk, type DiskRecord } from './disk.ts';
import { Probes } from './probes.ts';

const SHARD = 1 as ShardId;
const MEMBER = 7 as MemberId;

function createDisk(seed: number) {
  const random = new Random(seed);
  const agenda = new Agenda(random.fork('ties'));
  const reported: number[] = [];
  const disk = new Disk({
    agenda,
    random: random.fork('disk'),
    probes: new Probes(),
    onDurable: (operation) => reported.push(operation),
    onCheckpoint: () => {},
  });
  const configuration = { voters: [MEMBER], outgoing: [], learners: [] };
  disk.submit([
    { kind: 'create', shard: SHARD, member: MEMBER, configuration: { at: ORIGIN, configuration } },
  ]);
  agenda.runUntil(1000);
  return { agenda, disk, reported };
}

function writeOf(from: number, to: number, term = 1): DiskRecord {
  const entries: Entry[] = [];
  for (let index = from; index <= to; index++) entries.push({ kind: 'empty', index, term });
  const mark = { number: to, position: { index: to, term } };
  const hardState = { term, vote: MEMBER, commit: 0 };
  const write = { mark, hardState, snapshot: undefined, entries, repairs: [] };
  return { kind: 'write', shard: SHARD, member: MEMBER, write, content: undefined };
}

test('what was reported durable survives every crash', () => {
  for (let seed = 0; seed < 50; seed++) {
    const { agenda, disk, reported } = createDisk(seed);
    const operation = disk.submit([writeOf(1, 3)]);
    agenda.runUntil(agenda.now + 1000);
    assert.ok(reported.includes(operation));
    disk.submit([writeOf(4, 5)]);
    disk.crash();
    assert.ok((disk.durable.get(SHARD)?.lastIndex ?? 0) >= 3);
  }
});

test('a crash keeps a prefix of what was pending, each record whole or not at all', () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 100; seed++) {
    const { disk } = createDisk(seed);
    disk.submit([writeOf(1, 2)]);
    disk.submit([writeOf(3, 4), writeOf(5, 6)]);
    disk.crash();
    seen.add(disk.durable.get(SHARD)?.lastIndex ?? -1);
  }
  assert.deepEqual([...seen].sort(), [0, 2, 4, 6]);
});

test('nothing is reported durable after a crash, nor before its fsync', () => {
  const { agenda, disk, reported } = createDisk(1);
  const operation = disk.submit([writeOf(1, 1)]);
  assert.ok(!reported.includes(operation));
  disk.crash();
  agenda.runUntil(agenda.now + 60_000);
  assert.ok(!reported.includes(operation));
});

test('operations that wait share one fsync and are reported in order', () => {
  const { agenda, disk, reported } = createDisk(2);
  const operations = [1, 2, 3].map((index) => disk.submit([writeOf(index, index)]));
  agenda.runUntil(agenda.now + 60_000);
  assert.deepEqual(reported.slice(-3), operations);
});

test('an append at an index that exists replaces it and all behind it', () => {
  const { agenda, disk } = createDisk(3);
  disk.submit([writeOf(1, 5), writeOf(3, 3, 2)]);
  agenda.runUntil(agenda.now + 60_000);
  assert.equal(disk.durable.get(SHARD)?.lastIndex, 3);
  assert.equal(disk.durable.get(SHARD)?.termAt(3), 2);
});

test('damage is where it was put until the entry is replaced', () => {
  const { agenda, disk } = createDisk(4);
  disk.submit([writeOf(1, 5)]);
  agenda.runUntil(agenda.now + 60_000);
  assert.ok(disk.damage(SHARD, 3));
  const image = disk.written.get(SHARD);
  assert.equal(image?.read({ from: 3, to: 5, bytesMax: 1000 }), 'damaged');
  assert.equal(image?.read({ from: 1, to: 5, bytesMax: 1000 }).length, 2);
  disk.submit([writeOf(2, 2, 2)]);
  assert.equal(image?.damaged.size, 0);
});

test('a node that is wiped remembers nothing', () => {
  const { agenda, disk } = createDisk(5);
  disk.submit([writeOf(1, 5)]);
  agenda.runUntil(agenda.now + 60_000);
  disk.wipe();
  assert.equal(disk.durable.size, 0);
  assert.equal(disk.written.size, 0);
});
