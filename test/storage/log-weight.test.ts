/** Raft's weight of entries is at least their size in a batch of the log. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemberId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { type LogEntry, sizeOf, sizeOfAll } from '../../src/raft/message.ts';
import { bytesOf } from '../../src/storage/log/log-writer.ts';
import { writing } from './log-contract.ts';

const KINDS = ['command', 'empty', 'configuration'] as const;

function randomEntry(index: number, random: Random): LogEntry {
  const place = { index, term: 1 + Math.floor(index / 3) };
  const kind = random.pick(KINDS);
  if (kind === 'empty') return { ...place, kind };
  if (kind === 'command') return { ...place, kind, payload: new Uint8Array(random.below(30)) };
  const members = () => Array.from({ length: random.below(33) }, (_, at) => (at + 1) as MemberId);
  const configuration = { voters: members(), outgoing: members(), learners: members() };
  return { ...place, kind, configuration };
}

test('a window full of entries of any kind is no more than its bytes in one write', () => {
  const random = new Random(1);
  const nothing = bytesOf(writing([]));
  for (let run = 0; run < 200; run++) {
    const count = random.between(1, 60);
    const entries = Array.from({ length: count }, (_, at) => randomEntry(at + 1, random));
    const [appended, repaired] = [writing(entries), writing([], { repairs: entries })];
    for (const record of [appended, repaired]) {
      assert.ok(bytesOf(record) - nothing <= sizeOfAll(entries));
    }
  }
  const least: LogEntry = { index: 1, term: 1, kind: 'command', payload: new Uint8Array(1) };
  assert.ok(bytesOf(writing([least])) - nothing <= sizeOf(least));
});
