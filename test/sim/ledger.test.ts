/** The ledger detects a log that loses, invents or mixes up records. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import type { Log, ShardRecord } from '../../src/storage/log/log.ts';
import { mustOpen } from '../storage/log-life.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { Ledger } from './ledger.ts';

const SHARD = 3 as ShardId;
const MEMBER = 7 as MemberId;
const CONFIGURATION = { voters: [MEMBER], outgoing: [], learners: [] };
const CREATION = {
  type: 'create',
  shard: SHARD,
  member: MEMBER,
  configuration: { at: ORIGIN, configuration: CONFIGURATION },
} as const satisfies ShardRecord;

function writeOf(from: number, to: number, { term = 1, byte = 1 } = {}): ShardRecord {
  const entries: LogEntry[] = [];
  for (let index = from; index <= to; index++) {
    entries.push({ kind: 'command', index, term, payload: new Uint8Array(9).fill(byte) });
  }
  const mark = { number: to, position: { index: to, term } };
  const hardState = { term, vote: MEMBER, commit: 0 };
  const write = { mark, hardState, snapshot: undefined, entries, repairs: [] };
  return { type: 'write', shard: SHARD, write };
}

/** A log with a history of its own. */
function logOf(records: readonly ShardRecord[]): { log: Log; files: MemoryFiles } {
  const files = new MemoryFiles();
  const log = mustOpen(files);
  log.append(records, () => {});
  files.settle();
  return { log, files };
}

/** A ledger to which some records were acknowledged and some only handed over. */
function ledgerOf(
  acknowledged: readonly ShardRecord[],
  pending: readonly ShardRecord[] = [],
): Ledger {
  const ledger = new Ledger({ node: 0, now: () => 0 });
  ledger.acknowledge(ledger.hand(acknowledged));
  if (pending.length > 0) ledger.hand(pending);
  return ledger;
}

const SOUND = { isSuspect: false };

test('a log with all acknowledged records, or more of those handed over, passes', () => {
  const { log } = logOf([CREATION, writeOf(1, 3)]);
  ledgerOf([CREATION, writeOf(1, 3)]).meet(log, SOUND);
  const ledger = ledgerOf([CREATION], [writeOf(1, 3), writeOf(4, 5)]);
  ledger.watch(log, SHARD);
  ledger.meet(log, SOUND);
  assert.equal(ledger.durable.get(SHARD)?.lastIndex, 3);
});

test('a log that lost an acknowledged record is detected at its opening and afterwards', () => {
  const { log } = logOf([CREATION, writeOf(1, 3)]);
  const ledger = ledgerOf([CREATION, writeOf(1, 3), writeOf(4, 4)]);
  assert.throws(() => ledger.watch(log, SHARD), /differs from what was written/);
  assert.throws(
    () => ledger.meet(log, SOUND),
    /after a restart the log differs: end 3 instead of 4/,
  );
});

test('a log that lost a replica, or has one that was never created, is detected', () => {
  const { log } = logOf([]);
  assert.throws(() => ledgerOf([CREATION]).meet(log, SOUND), /a replica is missing/);
  const { log: other } = logOf([CREATION]);
  assert.throws(() => ledgerOf([]).meet(other, SOUND), /should not be/);
});

test('a different entry, a different vote and a term that fell are detected', () => {
  const { log } = logOf([CREATION, writeOf(1, 3)]);
  const changed = ledgerOf([CREATION, writeOf(1, 3, { byte: 2 })]);
  assert.throws(() => changed.meet(log, SOUND), /not what was written/);
  const voted = ledgerOf([CREATION, writeOf(1, 3), writeOf(4, 3, { term: 2 })]);
  assert.throws(() => voted.meet(log, SOUND), /promises/);
});

test('an entry damaged without a fault is detected, and a corrupted one is expected', () => {
  const { files } = logOf([CREATION, writeOf(1, 3), writeOf(4, 4)]);
  files.kill();
  const image = files.image();
  const segment = image.get('00000001.log') as Uint8Array;
  const at = segment.findIndex((_, from) => {
    return segment.subarray(from, from + 9).every((byte) => byte === 1);
  });
  files.flip('00000001.log', at, 3);
  const log = mustOpen(files, { isNew: false });
  const records = [CREATION, writeOf(1, 3), writeOf(4, 4)];
  assert.throws(() => ledgerOf(records).meet(log, SOUND), /entry 1 is damaged without a fault/);
  const ledger = ledgerOf(records);
  ledger.durable.get(SHARD)?.damaged.add(1);
  ledger.meet(log, SOUND);
  assert.deepEqual([...(ledger.durable.get(SHARD)?.damaged ?? [])], [1]);
});

test('members with one id end in two shards', () => {
  const records = [SHARD, 4 as ShardId].flatMap((shard): ShardRecord[] => [
    { ...CREATION, shard },
    { type: 'remove', shard, configuration: ORIGIN },
  ]);
  const { log } = logOf(records);
  ledgerOf(records).meet(log, SOUND);
  assert.throws(() => ledgerOf(records.slice(0, 2)).meet(log, SOUND), /tombstones differ/);
});

test('a missing tombstone is detected', () => {
  const removal: ShardRecord = { type: 'remove', shard: SHARD, configuration: ORIGIN };
  const { log } = logOf([CREATION, removal]);
  ledgerOf([CREATION, removal]).meet(log, SOUND);
  const { log: without } = logOf([]);
  const ledger = ledgerOf([CREATION, removal]);
  assert.throws(() => ledger.meet(without, SOUND), /tombstones differ/);
});

test('appends that are reported out of order are detected', () => {
  const ledger = new Ledger({ node: 0, now: () => 0 });
  ledger.hand([CREATION]);
  const second = ledger.hand([writeOf(1, 1)]);
  assert.throws(() => ledger.acknowledge(second), /out of order/);
});
