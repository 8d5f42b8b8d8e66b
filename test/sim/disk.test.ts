/** After a crash the disk has what a real disk could have, and nothing else. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from '../../src/base/random.ts';
import { Agenda } from './agenda.ts';
import { Disk } from './disk.ts';
import { Probes } from './probes.ts';

function createDisk(seed: number) {
  const random = new Random(seed);
  const agenda = new Agenda(random.fork('ties'));
  const deliver = (complete: () => void) => complete();
  const probes = new Probes();
  const disk = new Disk({ agenda, random: random.fork('disk'), probes, deliver });
  const wait = (milliseconds: number) => agenda.runUntil(agenda.now + milliseconds);
  disk.files.create({ name: 'a', size: 4096 }, () => {});
  disk.files.syncFolder(() => {});
  wait(1000);
  return { disk, wait };
}

function write(disk: Disk, offset: number, byte: number): { isDone: boolean; errno: string } {
  const answer = { isDone: false, errno: '' };
  disk.files.write({ name: 'a', offset, bytes: new Uint8Array(2000).fill(byte) }, (fault) => {
    answer.isDone = true;
    answer.errno = fault?.errno ?? '';
  });
  return answer;
}

function bytesAt(disk: Disk, offset: number): number[] {
  const read = disk.files.read({ name: 'a', offset, length: 2000 });
  assert.ok(read instanceof Uint8Array);
  return [...new Set(read)];
}

test('what was reported durable survives a power failure, and the rest may be torn', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const { disk, wait } = createDisk(seed);
    const done = write(disk, 0, 1);
    wait(1000);
    assert.ok(done.isDone);
    const lost = write(disk, 2048, 2);
    disk.crash();
    wait(1000);
    assert.ok(!lost.isDone, 'no completion is reported after a crash');
    assert.deepEqual(bytesAt(disk, 0), [1]);
    seen.add(bytesAt(disk, 2048).sort().join());
  }
  assert.deepEqual([...seen].sort(), ['0', '0,2', '2']);
});

test('what a process wrote stays with the system when the process ends', () => {
  const { disk, wait } = createDisk(1);
  const lost = write(disk, 0, 1);
  disk.kill();
  wait(1000);
  assert.ok(!lost.isDone);
  assert.deepEqual(bytesAt(disk, 0), [1]);
});

test('a disk takes as long as configured, and answers nothing while it is stalled', () => {
  const { disk, wait } = createDisk(2);
  disk.speed = { minimum: 50, mean: 1 };
  const slow = write(disk, 0, 1);
  wait(49);
  assert.ok(!slow.isDone);
  wait(1000);
  assert.ok(slow.isDone);
  disk.recover();
  disk.stall(5000);
  const stalled = write(disk, 0, 2);
  wait(2000);
  assert.ok(!stalled.isDone);
  wait(4000);
  assert.ok(stalled.isDone);
});

test('a full disk refuses writes that grow, until there is room', () => {
  const { disk, wait } = createDisk(3);
  const sizes = () => disk.files.list();
  disk.fill(100);
  const refused = write(disk, 4000, 1);
  wait(1000);
  assert.equal(refused.errno, 'ENOSPC');
  assert.ok(disk.wasFullSince(0));
  disk.makeRoom();
  const taken = write(disk, 4000, 1);
  wait(1000);
  assert.equal(taken.errno, '');
  assert.deepEqual(sizes(), [{ name: 'a', size: 6000 }]);
});

test('a wiped node has no data', () => {
  const { disk, wait } = createDisk(4);
  const before = disk.files;
  const lost = write(disk, 0, 1);
  disk.wipe();
  wait(1000);
  assert.ok(!lost.isDone);
  assert.notEqual(disk.files, before);
  assert.deepEqual(disk.files.list(), []);
  assert.deepEqual(disk.state.rows(), []);
});
