/** Every byte of a small log, truncated and flipped: detected, named or refused, never accepted. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import type { Log, LogRecord } from '../../src/storage/log/log.ts';
import { byEffort } from '../support/effort.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { appendNow, mustOpen, openNow, rest, TINY } from './log-life.ts';
import { checkEntries, digestOf, LogModel, matchPrefix, type ReplicaModel } from './log-model.ts';
import { randomRecord, SMALL } from './log-records.ts';

const LIMITS = { ...TINY, segmentBytesMin: 12_288, segmentBytes: 12_288, batchBytesMax: 1536 };
const TASTE = { ...SMALL, shards: 3, payloadBytesMax: 130, entriesMax: 4 };

interface SmallLog {
  readonly image: ReadonlyMap<string, Uint8Array>;
  readonly model: LogModel;
}

/** Several segments, incarnations, truncations and restarts; all of it confirmed. */
function smallLog(seed: number): SmallLog {
  const random = new Random(seed);
  const files = new MemoryFiles();
  const model = new LogModel();
  for (const turns of [22, 4, 2]) {
    const log = mustOpen(files, { limits: LIMITS, seed: random.word() });
    for (let turn = 0; turn < turns; turn++) {
      const count = random.between(1, 3);
      const records = Array.from({ length: count }, () => randomRecord(model, random, TASTE));
      appendNow(files, log, records);
    }
    rest(files, log);
    files.kill();
  }
  return { image: files.image(), model };
}

/** One place in so many. */
const SAMPLED = byEffort({ full: 1, brief: 29 });

const tally = { continued: 0, damaged: 0, quarantined: 0, voteless: 0, refused: 0 };

/** Opens the rest and checks that no wrong entry is accepted and no entry is lost silently. */
function judge(files: MemoryFiles, model: LogModel, what: string): void {
  const opened = openNow(files, { limits: LIMITS, seed: 99, isNew: false });
  if (opened.type === 'refused') {
    assert.ok(opened.text.length > 20, what);
    tally.refused += 1;
    return;
  }
  const { log } = opened;
  try {
    judgeReplicas(log, model);
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.stack : error}`);
  }
  log.close(() => {});
  files.settle();
}

function judgeReplicas(log: Log, model: LogModel): void {
  let isHurt = false;
  const quarantined = new Set(log.quarantined.map(({ shard }) => shard));
  for (const shard of model.replicas.keys()) {
    const isThere = log.shards.includes(shard) || quarantined.has(shard);
    assert.ok(isThere, `shard ${shard} is gone without a word`);
  }
  for (const shard of log.shards) {
    const replica = model.replicas.get(shard);
    assert.ok(replica !== undefined, `shard ${shard} rose from the dead`);
    isHurt = judgeReplica(log, shard, replica) || isHurt;
  }
  const damaged = new Map(
    log.shards.map((shard) => [shard, new Set(log.replica(shard)?.log.damaged)]),
  );
  checkEntries(log, model, (shard, index) => damaged.get(shard)?.has(index) === true);
  if (quarantined.size > 0) tally.quarantined += 1;
  else if (!isHurt) tally.continued += 1;
  if (isHurt || quarantined.size > 0) assert.ok(log.damage.length > 0, 'damage is told');
  for (const { file, text } of log.damage) assert.ok(file.length > 0 && text.length > 0);
}

function judgeReplica(log: Log, shard: ShardId, model: ReplicaModel): boolean {
  const replica = log.replica(shard);
  assert.ok(replica !== undefined);
  const { base, lastIndex, runs, damaged } = replica.log;
  assert.equal(replica.member, model.member);
  assert.deepEqual(base, model.base);
  assert.equal(lastIndex, model.lastIndex);
  assert.deepEqual(runs, model.runs());
  assert.deepEqual(replica.configurations, model.configurations());
  if (damaged.length > 0) tally.damaged += 1;
  if (replica.mayVote) {
    const { term, vote } = replica.hardState;
    assert.deepEqual([term, vote], [model.hardState.term, model.hardState.vote]);
  } else tally.voteless += 1;
  return damaged.length > 0 || !replica.mayVote;
}

test('a flip of any bit is found, named or refused, and never believed', () => {
  let flips = 0;
  for (const seed of [1, 2, 3]) {
    const { image, model } = smallLog(seed);
    const random = new Random(seed);
    for (const [name, bytes] of image) {
      if (name.startsWith('spare')) continue;
      for (let offset = 0; offset < bytes.length; offset += SAMPLED) {
        // Bytes that were never written do not matter; some of them are flipped as well.
        const isBlank = bytes.subarray(offset, offset + 64).every((byte) => byte === 0);
        if (isBlank && !random.chance(0.02)) continue;
        if (seed > 1 && !random.chance(0.1)) continue;
        const files = new MemoryFiles();
        files.restore(image);
        const bit = random.below(8);
        files.flip(name, offset, bit);
        judge(files, model, `seed ${seed}: bit ${bit} of byte ${offset} of ${name}`);
        flips += 1;
      }
    }
  }
  console.log(`${flips} flips: ${JSON.stringify(tally)}`);
  const { continued, damaged, quarantined, refused } = tally;
  for (const count of [continued, damaged, quarantined, refused]) assert.ok(count > 0);
});

test('a file that is shorter, longer or gone is refused by name, or was not needed', () => {
  const { image, model } = smallLog(4);
  for (const [name, bytes] of image) {
    const lengths = new Set([0, 1, 511, 512, 1024, bytes.length - 1, bytes.length + 1]);
    for (let length = 7; length < bytes.length; length += 61 * SAMPLED) lengths.add(length);
    for (const length of lengths) {
      const files = new MemoryFiles();
      files.restore(image);
      files.resize(name, length);
      judge(files, model, `${name} of ${length} bytes`);
    }
    const files = new MemoryFiles();
    files.restore(new Map([...image].filter(([other]) => other !== name)));
    const opened = openNow(files, { limits: LIMITS, isNew: false });
    const isNeeded = name.endsWith('.log') || name === 'identity';
    assert.equal(opened.type, isNeeded ? 'refused' : 'opened', name);
    if (opened.type === 'refused') assert.match(opened.text, new RegExp(name));
  }
});

test('sectors that are exchanged, doubled, zeroed or unreadable are never believed', () => {
  for (const seed of [5, 6]) {
    const { image, model } = smallLog(seed);
    const random = new Random(seed);
    const names = [...image.keys()].filter((name) => name.endsWith('.log'));
    for (let round = 0; round < 1500 / SAMPLED; round++) {
      const files = new MemoryFiles();
      const copy = new Map([...image].map(([name, bytes]) => [name, bytes.slice()]));
      const from = random.pick(names);
      const to = random.pick(names);
      const unit = random.pick([512, 8, 1024]);
      const sector = () => (random.chance(0.2) ? 0 : 4096) + random.below(4096 / unit) * unit;
      const [at, other] = [sector(), sector()];
      const source = copy.get(from)?.slice(at, at + unit) ?? new Uint8Array();
      const choice = random.below(3);
      if (choice === 0) copy.get(to)?.set(source, other);
      else if (choice === 1) copy.get(to)?.fill(0, other, other + unit);
      files.restore(copy);
      if (choice === 2) files.spoil(to, other);
      judge(files, model, `seed ${seed}, round ${round}`);
    }
  }
});

/** The image before and after the last write, and the records acknowledged before it. */
function lastWrite(seed: number) {
  const random = new Random(seed);
  const files = new MemoryFiles();
  const model = new LogModel();
  const records: LogRecord[] = [];
  const log = mustOpen(files, { limits: LIMITS, seed });
  const turn = () => {
    return Array.from({ length: 3 }, () => {
      const record = randomRecord(model, random, TASTE);
      records.push(record);
      return record;
    });
  };
  for (let nth = random.between(1, 20); nth > 0; nth--) appendNow(files, log, turn());
  const before = files.image();
  const acknowledged = records.length;
  log.append(turn(), () => {});
  // A switch of segments takes more steps before it writes.
  while (sameImage(before, files.image()) && files.step());
  return { before, after: files.image(), records, acknowledged };
}

function sameImage(one: ReadonlyMap<string, Uint8Array>, other: ReadonlyMap<string, Uint8Array>) {
  for (const [name, bytes] of other) {
    const former = one.get(name);
    if (former !== undefined && Buffer.compare(former, bytes) !== 0) return false;
    if (former === undefined && name.endsWith('.log') && bytes.some((byte) => byte !== 0))
      return false;
  }
  return true;
}

test('a last write that is torn at any byte is cut, and what was acknowledged stays', () => {
  let cuts = 0;
  let kept = 0;
  for (let seed = 1; seed <= byEffort({ full: 12, brief: 2 }); seed++) {
    const { before, after, records, acknowledged } = lastWrite(seed);
    for (const [name, bytes] of after) {
      const former = before.get(name) ?? new Uint8Array(bytes.length);
      for (let offset = 0; offset <= bytes.length; offset++) {
        if (offset > 0 && offset < bytes.length && former[offset - 1] === bytes[offset - 1])
          continue;
        const torn = bytes.slice();
        torn.set(former.subarray(offset), offset);
        const files = new MemoryFiles();
        files.restore(new Map([...after, [name, torn]]));
        const log = mustOpen(files, { limits: LIMITS, seed: 7, isNew: false });
        const model = matchPrefix(log, { base: new LogModel(), records, acknowledged });
        checkEntries(log, model);
        assert.deepEqual([log.damage, log.quarantined], [[], []]);
        if (digestOf(log) === model.digest()) cuts += 1;
        if (offset === bytes.length) kept += 1;
      }
    }
  }
  console.log(`${cuts} torn writes, ${kept} whole ones`);
});
