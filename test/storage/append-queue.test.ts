/** Which records may overtake others when only records that free space fit. */

import { equal } from 'node:assert/strict';
import test from 'node:test';
import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import { AppendQueue } from '../../src/storage/log/append-queue.ts';
import type { LogRecord } from '../../src/storage/log/log.ts';

const SHARD = 1 as ShardId;
const ROOM = 1_000_000;

function writeOf(first: number, term: number, count = 2): LogRecord {
  const entries = Array.from({ length: count }, (_, at): LogEntry => {
    return { index: first + at, term, kind: 'command', payload: new Uint8Array(10) };
  });
  const position = { index: first + count - 1, term };
  const hardState = { term, vote: 0 as MemberId, commit: 0 };
  const write = { mark: { number: 1, position }, hardState, snapshot: undefined, entries };
  return { type: 'write', shard: SHARD, write: { ...write, repairs: [] } };
}

function forgetOf(index: number): LogRecord {
  return { type: 'forget', shard: SHARD, index };
}

/** The log has the entries up to 10. */
function mayOvertake(...records: readonly LogRecord[]): boolean {
  const queue = new AppendQueue();
  queue.push(records, () => {});
  return queue.hasFreeing(ROOM, (_, index) => index <= 10);
}

test('a forget of an entry that the log has overtakes writes of later entries', () => {
  equal(mayOvertake(writeOf(11, 4), forgetOf(10)), true);
});

test('a forget of an entry that is only queued waits for it', () => {
  equal(mayOvertake(writeOf(11, 4), forgetOf(11)), false);
});

test('a forget waits for the write that replaces its entry', () => {
  equal(mayOvertake(writeOf(9, 4), forgetOf(10)), false);
  equal(mayOvertake(writeOf(9, 4), writeOf(11, 4), forgetOf(9)), false);
  equal(mayOvertake(writeOf(9, 4), forgetOf(8)), true);
});
