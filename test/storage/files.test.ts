/** Both file systems satisfy the contract of the port; the one in memory injects faults. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Random } from '../../src/base/random.ts';
import { DiskFiles } from '../../src/storage/files/disk-files.ts';
import { InMemoryFiles } from '../../src/storage/files/in-memory-files.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { testFiles } from './files-contract.ts';
import { temporaryFolder } from './temporary.ts';

const folders = new WeakMap<object, string>();

function openFolder(folder: string): DiskFiles {
  const files = new DiskFiles(folder);
  folders.set(files, folder);
  return files;
}

testFiles('disk', {
  open: () => openFolder(temporaryFolder()),
  reopen: (files) => openFolder(folders.get(files) ?? ''),
  settle: () => turn(),
});

const reports: (() => void)[] = [];
testFiles('in memory', {
  open: () => new InMemoryFiles({ schedule: (report) => reports.push(report), isBlank }),
  reopen: (files) => files,
  settle: async () => {
    for (const report of reports.splice(0)) report();
  },
});

function isBlank(name: string): boolean {
  return name.startsWith('spare-');
}

test('in memory: only what was written takes memory, and nothing of what becomes a spare', () => {
  const files = new InMemoryFiles({ schedule: (report) => reports.push(report), isBlank });
  files.create({ name: 'one', size: 1 << 30 }, () => {});
  assert.equal(files.bytes, 0);
  files.write({ name: 'one', offset: 1 << 20, bytes: new Uint8Array(100).fill(1) }, () => {});
  assert.ok(files.bytes > 0 && files.bytes < 1 << 20);
  files.rename({ from: 'one', to: 'spare-1' }, () => {});
  assert.equal(files.bytes, 0);
  assert.deepEqual(files.list(), [{ name: 'spare-1', size: 1 << 30 }]);
});

let memory = new MemoryFiles();
testFiles('memory', {
  open: () => {
    memory = new MemoryFiles();
    return memory;
  },
  reopen: () => memory,
  settle: async () => memory.settle(),
});

/** A file of two sectors with `old`, and an incomplete write of `new` over it. */
function halfWritten(): MemoryFiles {
  const files = new MemoryFiles();
  files.create({ name: 'one', size: 1024 }, () => {});
  files.syncFolder(() => {});
  files.write({ name: 'one', offset: 0, bytes: new Uint8Array(1024).fill(1) }, () => {});
  files.settle();
  files.write({ name: 'one', offset: 0, bytes: new Uint8Array(1024).fill(2) }, () => {});
  return files;
}

test('memory: a crash keeps any subset of sectors of what was not done, and may tear one', () => {
  const kinds = new Set<string>();
  for (let seed = 0; seed < 400; seed++) {
    const files = halfWritten();
    files.crash(new Random(seed));
    const bytes = files.read({ name: 'one', offset: 0, length: 1024 });
    assert.ok(bytes instanceof Uint8Array);
    const sectors = [bytes.subarray(0, 512), bytes.subarray(512)].map((sector) => {
      if (sector.every((byte) => byte === 1)) return 'old';
      return sector.every((byte) => byte === 2) ? 'new' : 'torn';
    });
    kinds.add(sectors.join(' '));
  }
  for (const kind of ['old old', 'old new', 'new old', 'new new', 'torn old', 'new torn']) {
    assert.ok(kinds.has(kind), `${kind} never came about`);
  }
});

test('memory: names are durable after a sync of the folder, and not before', () => {
  const kept = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const files = new MemoryFiles();
    files.create({ name: 'one', size: 1 }, () => {});
    files.syncFolder(() => {});
    files.settle();
    files.rename({ from: 'one', to: 'two' }, () => {});
    files.create({ name: 'three', size: 1 }, () => {});
    files.settle();
    files.crash(new Random(seed));
    const entries = files.list();
    const names = 'type' in entries ? [] : entries.map(({ name }) => name);
    kept.add(names.join(' '));
  }
  assert.deepEqual([...kept].sort(), ['one', 'one three', 'three two', 'two']);
});

test('memory: a write whose sync failed is visible and never durable', () => {
  const files = halfWritten();
  files.settle();
  files.plan({ on: 'sync', errno: 'EIO' });
  const faults: unknown[] = [];
  const bytes = new Uint8Array(512).fill(3);
  files.write({ name: 'one', offset: 0, bytes }, (fault) => faults.push(fault?.errno));
  files.settle();
  assert.deepEqual([...faults], ['EIO']);
  files.write({ name: 'one', offset: 512, bytes }, (fault) => faults.push(fault?.errno));
  files.settle();
  assert.deepEqual(files.read({ name: 'one', offset: 0, length: 1 }), new Uint8Array([3]));
  files.crash(new Random(1));
  assert.deepEqual(files.read({ name: 'one', offset: 0, length: 1 }), new Uint8Array([2]));
  assert.deepEqual(files.read({ name: 'one', offset: 512, length: 1 }), new Uint8Array([3]));
});

test('memory: an unreadable sector becomes readable when it is written', () => {
  const files = halfWritten();
  files.settle();
  files.spoil('one', 600);
  const read = (offset: number) => files.read({ name: 'one', offset, length: 512 });
  assert.ok(read(0) instanceof Uint8Array);
  assert.ok(!(read(512) instanceof Uint8Array));
  files.write({ name: 'one', offset: 512, bytes: new Uint8Array(512).fill(5) }, () => {});
  files.settle();
  assert.deepEqual(read(512), new Uint8Array(512).fill(5));
});

test('memory: the free capacity is reported', () => {
  const files = new MemoryFiles({ capacity: 10_000 });
  files.create({ name: 'one', size: 4000 }, () => {});
  const found: unknown[] = [];
  files.space((free) => found.push(free));
  files.settle();
  files.capacity = 1000;
  files.space((free) => found.push(free));
  files.settle();
  assert.deepEqual(found, [6000, 0]);
});
