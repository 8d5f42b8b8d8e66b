/** What is committed is handed to the machine no faster than it takes it. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type MemberId, NO_MEMBER, type ShardId } from '../../src/base/ids.ts';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import type { EntryRange } from '../../src/raft/log.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import { Raft } from '../../src/raft/raft.ts';

const SELF = 7 as MemberId;

/** Alone, elected, its first entry applied; two entries more do not fit one handing. */
function leader(): { raft: Raft; turn: () => readonly number[] } {
  const entries = new Map<number, LogEntry>();
  const read = ({ from, to }: EntryRange) => {
    const found = [...entries.values()].filter(({ index }) => index >= from && index <= to);
    return found.slice(0, 1);
  };
  const raft = new Raft({
    shard: 1 as ShardId,
    self: SELF,
    limits: { ...RAFT_LIMITS, committedBytesMax: 1 },
    random: new Random(1),
    entries: { read },
    snapshots: { open: () => undefined, read: () => 'gone', release() {} },
    restored: {
      hardState: { term: 0, vote: NO_MEMBER, commit: 0 },
      log: { base: ORIGIN, runs: [], lastIndex: 0, damaged: [] },
      configurations: [
        { at: ORIGIN, configuration: { voters: [SELF], outgoing: [], learners: [] } },
      ],
      mayVote: true,
      applied: 0,
    },
  });
  const turn = () => {
    const { write, committed } = raft.take();
    for (const entry of write?.entries ?? []) entries.set(entry.index, entry);
    if (write !== undefined) raft.step({ type: 'durable', mark: write.mark });
    return committed.map(({ index }) => index);
  };
  return { raft, turn };
}

test('no more entries are handed over before the last ones are applied', () => {
  const { raft, turn } = leader();
  const handed: number[] = [];
  for (let now = 0; !raft.isLeader; now += 20) {
    raft.step({ type: 'tick', now });
    handed.push(...turn());
  }
  const payloads = [1, 2].map((byte) => Uint8Array.of(byte));
  raft.step({ type: 'propose', payloads });
  handed.push(...[turn(), turn(), turn(), turn()].flat());
  deepEqual(handed, [1]);
  equal(raft.hasReady, false, 'it asks for no turn that would bring nothing');
  raft.step({ type: 'applied', index: 1 });
  equal(raft.hasReady, true);
  deepEqual([turn(), turn()].flat(), [2]);
  raft.step({ type: 'applied', index: 2 });
  deepEqual([turn(), turn()].flat(), [3]);
});
