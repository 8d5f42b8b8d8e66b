/** Failing, lying, full and slow disks, and folders with wrong content. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { type MemberId, NO_MEMBER, type NodeId, type ShardId } from '../../src/base/ids.ts';
import { ENTRY_OVERHEAD_BYTES } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import type { Log } from '../../src/storage/log/log.ts';
import { openLog } from '../../src/storage/log/log-boot.ts';
import {
  KIND,
  recordBufferOf,
  recordBytes,
  writeRecord,
} from '../../src/storage/log/log-record.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { CREATION, command, textsOf, writing } from './log-contract.ts';
import { appendNow, mustOpen, OWNER, openNow, rest, TINY } from './log-life.ts';

const SHARD = CREATION.shard;
const LONG = 'x'.repeat(400);

/** A log with three entries, and a count of faults. */
function begun() {
  const files = new MemoryFiles();
  const faults: string[] = [];
  const log = mustOpen(files, { onFault: (line) => faults.push(line) });
  appendNow(files, log, [CREATION, writing([command(1, 1, 'a'), command(2, 1, 'b')])]);
  files.settle();
  return { files, faults, log };
}

function fileInUse(files: MemoryFiles): string {
  const names = [...files.image().keys()].filter((name) => name.endsWith('.log')).sort();
  return names.at(-1) ?? '';
}

for (const on of ['write', 'sync'] as const) {
  test(`a failed ${on} is reported once, and nothing is acknowledged after it`, () => {
    const { files, faults, log } = begun();
    files.plan({ on, errno: 'EIO' }, { name: fileInUse(files) });
    let acknowledged = 0;
    for (let index = 3; index < 9; index++) {
      log.append([writing([command(index, 1, 'c')])], () => {
        acknowledged += 1;
      });
      files.settle();
      log.idle();
    }
    assert.equal(acknowledged, 0);
    assert.equal(faults.length, 1);
    assert.match(faults[0] ?? '', /write of 0000000\d\.log at offset \d+ failed with EIO/);
  });
}

test('entries that a failed sync left in the page cache are rewritten before they count', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { files, faults, log } = begun();
    files.plan({ on: 'sync', errno: 'EIO' }, { name: fileInUse(files) });
    log.append([writing([command(3, 1, 'c')])], () => assert.fail('not durable'));
    files.settle();
    assert.equal(faults.length, 1);
    // The process ends, and the page cache still has pages that will never be written.
    files.kill();
    const second = mustOpen(files, { seed: 2 });
    assert.deepEqual(textsOf(second, 1, 3), ['a', 'b', 'c']);
    files.crash(new Random(seed));
    const third = mustOpen(files, { seed: 3 });
    assert.deepEqual(textsOf(third, 1, 3), ['a', 'b', 'c']);
  }
});

test('a spare, a copy or a folder that cannot be written ends the log too', () => {
  for (const [on, name] of [
    ['create', 'spare'],
    ['rename', 'spare'],
    ['folder', ''],
    ['sync', 'hard-state'],
  ] as const) {
    const { files, faults, log } = begun();
    files.plan({ on, errno: 'EIO' }, { name });
    let acknowledged = 0;
    for (let index = 3; index < 60; index++) {
      log.append([writing([command(index, 1, LONG)])], () => {
        acknowledged = index;
      });
      files.settle();
    }
    assert.equal(faults.length, 1, on);
    files.crash(new Random(1));
    const again = mustOpen(files, { seed: 2 });
    assert.ok((again.replica(SHARD)?.log.lastIndex ?? 0) >= acknowledged);
  }
});

test('a latent error is found when the entry is read, and costs that entry only', () => {
  for (const harm of ['flip', 'spoil'] as const) {
    const files = new MemoryFiles();
    const log = mustOpen(files, { limits: { ...TINY, cacheBytesMax: 1 } });
    appendNow(files, log, [CREATION, writing([command(1, 1, LONG), command(2, 1, LONG)])]);
    appendNow(files, log, [writing([command(3, 1, 'c')])]);
    const name = fileInUse(files);
    const at = Buffer.from(files.image().get(name) ?? []).indexOf(LONG);
    if (harm === 'flip') files.flip(name, at + 7, 3);
    else files.spoil(name, at + 200);
    assert.equal(textsOf(log, 1, 1), 'damaged');
    assert.deepEqual(textsOf(log, 3, 3), ['c']);
    assert.ok(log.replica(SHARD)?.log.damaged.includes(1));
    const [damage] = log.damage;
    assert.deepEqual([damage?.file, damage?.shard, damage?.index], [name, SHARD, 1]);
    const repairs = [command(1, 1, 'a again')];
    appendNow(files, log, [writing([command(4, 1, 'd')], { repairs })]);
    assert.deepEqual(textsOf(log, 1, 1), ['a again']);
    assert.ok(!log.replica(SHARD)?.log.damaged.includes(1));
    // An unreadable page may affect adjacent entries when all are read again.
    if (harm === 'spoil') continue;
    rest(files, log);
    files.kill();
    const again = mustOpen(files, { seed: 2 });
    assert.deepEqual(textsOf(again, 1, 1), ['a again']);
  }
});

test('an unreadable sector does not affect sectors beside it', () => {
  const { files } = begun();
  const name = fileInUse(files);
  files.kill();
  // After the last batch, in its page: nothing was written there.
  const end = (files.image().get(name) ?? new Uint8Array(0)).findLastIndex((byte) => byte !== 0);
  const sector = (Math.floor(end / 512) + 1) * 512;
  assert.ok(sector % 4096 !== 0, 'the batch and the sector share a page');
  files.spoil(name, sector);
  const log = mustOpen(files, { seed: 2 });
  assert.deepEqual(textsOf(log, 1, 2), ['a', 'b']);
  assert.deepEqual(log.damage, []);
});

test('a read ends before an entry that is on its way to another place', () => {
  const files = new MemoryFiles();
  const log = mustOpen(files, { limits: { ...TINY, cacheBytesMax: 1 } });
  const [a, b] = [command(1, 1, 'a'), command(2, 1, 'b')];
  appendNow(files, log, [CREATION, writing([a, b])]);
  appendNow(files, log, [writing([], { repairs: [a] })]);
  log.append([writing([], { repairs: [b] })], () => {});
  // The first entry is on disk, and nothing follows it yet.
  assert.deepEqual(textsOf(log, 1, 2), ['a', 'b']);
  files.settle();
  assert.deepEqual(textsOf(log, 1, 2), ['a', 'b']);
  assert.deepEqual(log.replica(SHARD)?.log.damaged, []);
});

test('one read returns no more than the requested weight', () => {
  const files = new MemoryFiles();
  const log = mustOpen(files, { limits: { ...TINY, cacheBytesMax: 1 } });
  const entries = Array.from({ length: 20 }, (_, at) => command(at + 1, 1, ''));
  appendNow(files, log, [CREATION, writing(entries)]);
  appendNow(files, log, [writing([command(21, 1, 'x')])]);
  const read = log.reader(SHARD).read({ from: 1, to: 20, bytesMax: 5 * ENTRY_OVERHEAD_BYTES });
  assert.ok(Array.isArray(read));
  // Empty entries: without a weight of their own any number would fit a message.
  assert.equal(read.length, 5);
});

test('a lost write is found at the next start, unless it was the very last', () => {
  const { files, log } = begun();
  files.plan({ on: 'lost' }, { name: fileInUse(files) });
  appendNow(files, log, [writing([command(3, 1, 'c')])]);
  appendNow(files, log, [writing([command(4, 1, 'd')])]);
  files.kill();
  const opened = openNow(files, { seed: 2 });
  assert.equal(opened.type, 'refused');
  if (opened.type === 'refused') assert.match(opened.text, /batch \d+ of \d+\.log.*missing/);
});

test('a misdirected write is not believed where it landed, and is missed where it belongs', () => {
  const { files, log } = begun();
  files.plan({ on: 'misdirected', by: 1024 }, { name: fileInUse(files) });
  appendNow(files, log, [writing([command(3, 1, 'c')])]);
  appendNow(files, log, [writing([command(4, 1, 'd')])]);
  files.kill();
  assert.equal(openNow(files, { seed: 2 }).type, 'refused');
});

test('a vote whose record and copies are lost is not given again', () => {
  const files = new MemoryFiles();
  const log = mustOpen(files);
  appendNow(files, log, [CREATION, writing([command(1, 1, 'a')])]);
  const before = files.image();
  const hardState = { term: 5, vote: 9 as MemberId, commit: 0 };
  appendNow(files, log, [writing([], { hardState })]);
  appendNow(files, log, [{ type: 'forget', shard: SHARD, index: 1 }]);
  rest(files, log);
  const after = files.image();
  files.kill();
  const name = fileInUse(files);
  const [old, bytes] = [before.get(name), after.get(name)];
  assert.ok(old !== undefined && bytes !== undefined);
  const at = bytes.findIndex((byte, offset) => byte !== old[offset]);
  for (const areCopiesOld of [false, true]) {
    const image = new Map(after);
    if (areCopiesOld) {
      for (const copy of ['hard-state-a', 'hard-state-b'])
        image.set(copy, before.get(copy) ?? bytes);
    }
    files.restore(image);
    files.flip(name, at + 48, 0);
    const again = mustOpen(files, { seed: 2 });
    const replica = again.replica(SHARD);
    assert.equal(replica?.mayVote, !areCopiesOld);
    assert.deepEqual(replica?.hardState.term, 5);
    assert.equal(replica?.hardState.vote, areCopiesOld ? NO_MEMBER : 9);
    assert.equal(again.damage.length, 1);
    again.close(() => {});
    files.settle();
    // The replica stays so, although the damage is gone with its segment.
    const third = mustOpen(files, { seed: 3 });
    assert.equal(third.replica(SHARD)?.mayVote, !areCopiesOld);
  }
});

/** No further segment fits. */
function fill(files: MemoryFiles): void {
  const sizes = [...files.image().values()].map(({ length }) => length);
  files.capacity = sizes.reduce((sum, size) => sum + size, 2);
}

test('the disk is full: read-only first, deletes go on, and space that returns is seen', () => {
  const files = new MemoryFiles();
  const log = mustOpen(files);
  appendNow(files, log, [CREATION]);
  rest(files, log);
  fill(files);
  let index = 0;
  let durable = 0;
  const append = (text: string) => {
    index += 1;
    const last = index;
    log.append([writing([command(index, 1, text)])], () => {
      durable = last;
    });
    files.settle();
  };
  while (log.fullness === 'ok' && index < 500) append(LONG);
  assert.equal(log.fullness, 'read-only');
  assert.ok(log.metrics().spares > 0, 'a whole segment is kept for what makes room');
  // There is space for more than a segment.
  for (let more = 0; more < 10; more++) append(LONG);
  assert.equal(durable, index);
  // Records that cannot be written wait completely, and are not lost.
  while (durable === index && index < 500) append(LONG);
  assert.ok(durable < index, 'full');
  files.capacity += 3 * TINY.segmentBytes;
  rest(files, log);
  assert.equal(durable, index);
  assert.equal(log.fullness, 'ok');
  files.crash(new Random(1));
  const again = mustOpen(files, { seed: 2 });
  assert.equal(again.replica(SHARD)?.log.lastIndex, index);
});

test('forgetting entries on a full disk frees the missing space', () => {
  const files = new MemoryFiles();
  const log = mustOpen(files);
  appendNow(files, log, [CREATION]);
  rest(files, log);
  fill(files);
  let index = 0;
  while (log.fullness === 'ok') {
    index += 1;
    appendNow(files, log, [writing([command(index, 1, LONG)])]);
  }
  appendNow(files, log, [{ type: 'forget', shard: SHARD, index }]);
  rest(files, log);
  assert.equal(log.fullness, 'ok');
  for (let more = 0; more < 100; more++) {
    index += 1;
    appendNow(files, log, [
      writing([command(index, 1, LONG)]),
      { type: 'forget', shard: SHARD, index: index - 1 },
    ]);
  }
});

test('bytes that a client sends are never taken for a record, though damage exposes them', () => {
  const files = new MemoryFiles();
  const log = mustOpen(files);
  appendNow(files, log, [CREATION, writing([command(1, 1, 'a')])]);
  // A forged removal of this replica, as good as possible without knowing salt and place.
  const forged = new Uint8Array(recordBytes(1));
  writeRecord(recordBufferOf(forged), 0, {
    kind: KIND.remove,
    shard: SHARD,
    index: 1,
    term: 1,
    batch: 3,
    ordinal: 0,
    previous: 0,
    payload: new Uint8Array([1]),
    place: { salt: 0, epoch: 1, offset: 0 },
  });
  const payload = new Uint8Array(16 + forged.length * 2);
  payload.set(forged, 16);
  appendNow(files, log, [writing([{ index: 2, term: 1, kind: 'command', payload }])]);
  rest(files, log);
  const name = fileInUse(files);
  const at = Buffer.from(files.image().get(name) ?? []).indexOf(Buffer.from(forged));
  files.kill();
  assert.equal(at % 8, 0, 'where a record could begin');
  files.flip(name, at - 16 - 48, 0);
  const again = mustOpen(files, { seed: 2 });
  assert.deepEqual(again.tombstones, []);
  assert.deepEqual(again.replica(SHARD)?.log.damaged, [2]);
});

test('either hard-state copy can be lost at any time of a running log', () => {
  const files = new MemoryFiles();
  const log = mustOpen(files);
  appendNow(files, log, [CREATION]);
  const check = (index: number) => {
    for (const name of ['hard-state-a', 'hard-state-b']) {
      const copy = new MemoryFiles();
      copy.restore(new Map([...files.image()].filter(([other]) => other !== name)));
      const again = mustOpen(copy, { seed: 2, isNew: false });
      assert.ok((again.replica(SHARD)?.log.lastIndex ?? 0) >= index);
    }
  };
  for (let index = 1; index <= 80; index++) {
    const records = [writing([command(index, 1, LONG)])];
    if (index > 1) records.push({ type: 'forget', shard: SHARD, index: index - 1 });
    log.append(records, () => {});
    while (files.step()) check(index - 1);
  }
  assert.ok(!files.image().has('00000001.log'), 'segments were given up meanwhile');
});

test('a slow disk shows in the metrics while it is slow', () => {
  const { files, log } = begun();
  log.append([writing([command(3, 1, 'c')])], () => {});
  assert.ok(log.metrics().pendingMilliseconds > 0);
  files.settle();
  const { pendingMilliseconds, lastSyncMilliseconds, longestSyncMilliseconds } = log.metrics();
  assert.equal(pendingMilliseconds, 0);
  assert.ok(lastSyncMilliseconds > 0 && longestSyncMilliseconds >= lastSyncMilliseconds);
});

/** The reason of the refusal, by the change to the folder. */
function refusalAfter(change: (image: Map<string, Uint8Array>) => void, isNew = false): string {
  const { files, log } = begun();
  rest(files, log);
  log.close(() => {});
  files.settle();
  const image = files.image();
  change(image);
  files.restore(image);
  const opened = openNow(files, { seed: 2, isNew });
  const again = files.image();
  for (const [name, bytes] of image)
    assert.deepEqual(again.get(name), bytes, `${name} is as it was`);
  return opened.type === 'refused' ? opened.text : 'opened';
}

function identity(fields: Readonly<Record<string, unknown>>): Uint8Array {
  const files = new MemoryFiles();
  mustOpen(files);
  const { identity: bytes } = Object.fromEntries(files.image());
  const line = { ...JSON.parse(new TextDecoder().decode(bytes).split('\n')[0] ?? ''), ...fields };
  return sealed(JSON.stringify(line));
}

/** With the CRC that the file would have. */
function sealed(line: string): Uint8Array {
  let crc = 0xffff_ffff;
  for (const byte of new TextEncoder().encode(line)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  }
  const text = ((crc ^ 0xffff_ffff) >>> 0).toString(16).padStart(8, '0');
  return new TextEncoder().encode(`${line}\n${text}\n`);
}

test("a folder that is not this node's, or not whole, is refused with what to do", () => {
  const cases: readonly (readonly [RegExp, (image: Map<string, Uint8Array>) => void])[] = [
    [/folder is empty.*run before.*empty folder/, (image) => image.clear()],
    [/identity file is missing/, (image) => image.delete('identity')],
    [/identity file is damaged/, (image) => image.get('identity')?.fill(65, 3, 4)],
    [
      /format 2;.*start the node with that version/,
      (image) => image.set('identity', identity({ format: 2 })),
    ],
    [/belongs to node 2 of.*own folder/, (image) => image.set('identity', identity({ node: 2 }))],
    [/of cluster other/, (image) => image.set('identity', identity({ cluster: 'other' }))],
    [
      /boot 1 and older.*boot 9/,
      (image) => {
        image.set('identity', identity({ incarnation: 1 }));
        image.set('hard-state-a', hardStateOfBoot9());
      },
    ],
    [
      /hard-state-a and hard-state-b are both lost/,
      (image) => {
        image.delete('hard-state-a');
        image.delete('hard-state-b');
      },
    ],
    [/other files: notes\.txt/, (image) => image.set('notes.txt', new Uint8Array(1))],
    [/00000001\.log is missing/, (image) => image.delete('00000001.log')],
    [
      /00000001\.log has 1024 bytes and must have 16384/,
      (image) => {
        image.set('00000001.log', (image.get('00000001.log') ?? new Uint8Array()).slice(0, 1024));
      },
    ],
    [/00000001\.log has no readable header/, (image) => image.get('00000001.log')?.fill(0)],
  ];
  for (const [text, change] of cases) assert.match(refusalAfter(change), text);
});

function hardStateOfBoot9(): Uint8Array {
  const files = new MemoryFiles();
  for (let boot = 0; boot < 9; boot++) {
    const log = mustOpen(files, { seed: boot });
    log.close(() => {});
    files.settle();
  }
  const copies = ['hard-state-a', 'hard-state-b'].map((name) => files.image().get(name));
  return copies[1] ?? new Uint8Array();
}

test('a segment of another node is not taken for one of ours', () => {
  const files = new MemoryFiles();
  const other: { log?: Log } = {};
  openLog(
    {
      files,
      owner: { ...OWNER, node: 2 as NodeId },
      isNew: true,
      limits: TINY,
      random: new Random(1),
      now: () => 0,
      onFault: assert.fail,
    },
    (opened) => {
      if (opened.type === 'opened') other.log = opened.log;
    },
  );
  files.settle();
  assert.ok(other.log !== undefined);
  const theirs = files.image().get('00000001.log') ?? new Uint8Array();
  const refusal = refusalAfter((image) => image.set('00000001.log', theirs));
  assert.match(refusal, /00000001\.log belongs to another node/);
});

test('one shard in quarantine does not stop the others, and can be removed', () => {
  const files = new MemoryFiles();
  const log = mustOpen(files);
  const other = { ...CREATION, shard: 8 as ShardId, member: 77 as MemberId };
  appendNow(files, log, [CREATION, other, writing([command(1, 1, 'a')])]);
  rest(files, log);
  const name = fileInUse(files);
  const image = files.image();
  files.kill();
  const bytes = image.get(name) ?? new Uint8Array();
  // The payload that creates shard 8: its header names the shard, and the payload the member.
  const words = new Uint32Array(bytes.slice().buffer);
  const at = words.findIndex((word, nth) => word === 8 && (words[nth + 1] ?? 0) % 256 === 2);
  files.flip(name, (at - 6) * 4 + 49, 1);
  const again = mustOpen(files, { seed: 2 });
  assert.deepEqual(again.shards, [SHARD]);
  assert.deepEqual(textsOf(again, 1, 1), ['a']);
  assert.deepEqual(
    again.quarantined.map(({ shard }) => shard),
    [8],
  );
  again.close(() => {});
  files.settle();
  const third = mustOpen(files, { seed: 3 });
  assert.equal(third.quarantined.length, 1, 'it stays known');
  const configuration = { index: 0, term: 0 };
  appendNow(files, third, [{ type: 'remove', shard: other.shard, configuration }, other]);
  assert.deepEqual(third.quarantined, []);
  assert.equal(third.replica(other.shard)?.member, 77);
});
