/** Where a link is full, each follower has one small message on its way, and none is repeated. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberId, ShardId } from '../../src/base/ids.ts';
import { ENTRY_OVERHEAD_BYTES, RAFT_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import {
  type AppendEntries,
  type LogEntry,
  type Message,
  sizeOfAll,
} from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import { Raft } from '../../src/raft/raft.ts';

const SHARD = 1 as ShardId;
const SELF = 7 as MemberId;
const OTHER = 8 as MemberId;
const SMALL = 1000;
const LIMITS = { ...RAFT_LIMITS, fullLinkBytesMax: 2 * (SMALL + ENTRY_OVERHEAD_BYTES) };
const CONFIGURATION = { voters: [SELF], outgoing: [], learners: [OTHER] };
const WIDE = Number.POSITIVE_INFINITY;

/** A leader that has proposed entries, and a learner behind a link. */
class Rig {
  room = WIDE;
  taken = 0;
  readonly raft: Raft;
  readonly #entries: LogEntry[] = [];
  #now = 0;

  constructor() {
    this.raft = new Raft({
      shard: SHARD,
      self: SELF,
      limits: LIMITS,
      random: new Random(1),
      entries: { read: (range) => this.#read(range) },
      snapshots: { open: () => undefined, read: () => 'gone', release: () => {} },
      links: {
        room: () => this.room,
        taken: (_member, _use, bytes) => {
          this.taken += bytes;
        },
      },
      restored: {
        hardState: { term: 1, vote: SELF, commit: 0 },
        log: { base: ORIGIN, runs: [], lastIndex: 0, damaged: [] },
        configurations: [{ at: ORIGIN, configuration: CONFIGURATION }],
        applied: 0,
        mayVote: true,
      },
    });
    while (!this.raft.isLeader) {
      this.tick();
      this.take();
    }
    this.take();
  }

  #read({ from, to, bytesMax }: { from: number; to: number; bytesMax: number }) {
    const entries: LogEntry[] = [];
    let bytes = 0;
    for (const entry of this.#entries.slice(from - 1, to)) {
      bytes += sizeOfAll([entry]);
      if (bytes > bytesMax && entries.length > 0) break;
      entries.push(entry);
    }
    return entries;
  }

  tick(): void {
    this.#now += 20;
    this.raft.step({ type: 'tick', now: this.#now });
  }

  propose(count: number, bytes = SMALL): void {
    const payloads = Array.from({ length: count }, () => new Uint8Array(bytes));
    this.raft.step({ type: 'propose', payloads });
  }

  /** How many entries each append has that leaves with this turn. */
  take(): readonly number[] {
    const { write, messages, committed } = this.raft.take();
    this.#entries.push(...(write?.entries ?? []));
    if (write !== undefined) this.raft.step({ type: 'durable', mark: write.mark });
    const index = committed.at(-1)?.index;
    if (index !== undefined) this.raft.step({ type: 'applied', index });
    const isAppend = (message: Message): message is AppendEntries => message.type === 'append';
    return messages.filter(isAppend).map(({ entries }) => entries.length);
  }

  has(index: number): void {
    const round = 0;
    const message = { type: 'append-response', answer: 'have', index, hint: ORIGIN } as const;
    const address = { shard: SHARD, from: OTHER, to: SELF, term: this.raft.term, round };
    this.raft.step({ type: 'message', message: { ...address, ...message } });
  }

  /** The learner answers a heartbeat. */
  beats(): void {
    const address = { shard: SHARD, from: OTHER, to: SELF, term: this.raft.term, round: 0 };
    const message = { type: 'heartbeat-response', delayMilliseconds: 0 } as const;
    this.raft.step({ type: 'message', message: { ...address, ...message } });
  }

  /** The learner has what there was, and nothing is on its way. */
  static caughtUp(): Rig {
    const rig = new Rig();
    rig.has(1);
    rig.take();
    return rig;
  }
}

/** Appends that leave while the learner answers nothing but heartbeats. */
function unanswered(rig: Rig, ticks: number): readonly number[] {
  const sent: number[] = [];
  for (let tick = 0; tick < ticks; tick++) {
    rig.tick();
    if (tick % LIMITS.heartbeatTicks === 0) rig.beats();
    sent.push(...rig.take());
  }
  return sent;
}

test('over a full link one small append leaves, and the next one with its answer', () => {
  const rig = Rig.caughtUp();
  rig.room = 0;
  rig.propose(5);
  deepEqual([rig.take(), rig.take()], [[2], []]);
  rig.has(3);
  deepEqual(rig.take(), [2]);
  rig.has(5);
  deepEqual(rig.take(), [1]);
});

test('once the link is open, all waiting messages leave without a tick or an answer', () => {
  const rig = Rig.caughtUp();
  rig.room = 0;
  rig.propose(5);
  deepEqual([rig.take(), rig.take()], [[2], []]);
  rig.room = WIDE;
  deepEqual(rig.take(), []);
  rig.raft.step({ type: 'link-open' });
  ok(rig.raft.hasReady);
  deepEqual(rig.take(), [3]);
});

test('an append is no larger than the free capacity, and its size is reported', () => {
  const rig = Rig.caughtUp();
  rig.room = 4 * (SMALL + ENTRY_OVERHEAD_BYTES);
  const before = rig.taken;
  rig.propose(9);
  deepEqual(rig.take(), [4, 4, 1]);
  equal(rig.taken - before, 9 * (SMALL + ENTRY_OVERHEAD_BYTES));
});

test('an entry that is larger than all bounds passes alone', () => {
  const rig = Rig.caughtUp();
  rig.room = 0;
  rig.propose(2, 1_000_000);
  deepEqual(rig.take(), [1]);
  rig.has(2);
  deepEqual(rig.take(), [1]);
});

test('what waits in a full link is not repeated with each heartbeat', () => {
  const rig = Rig.caughtUp();
  rig.room = 0;
  rig.propose(5);
  deepEqual(rig.take(), [2]);
  deepEqual(unanswered(rig, LIMITS.electionTicksMax), []);
  deepEqual(unanswered(rig, 2 * LIMITS.heartbeatTicks), [0], 'it may be lost, though');
});

test('where the link is free a lost append is repeated with the next heartbeats', () => {
  const rig = Rig.caughtUp();
  rig.propose(5);
  deepEqual(rig.take(), [5]);
  const asked = unanswered(rig, 4 * LIMITS.heartbeatTicks);
  ok(asked.length >= 2 && asked.every((entries) => entries === 0), `${asked}`);
});

test('entries go with the first probe, and with no repetition of it', () => {
  const rig = Rig.caughtUp();
  rig.raft.step({ type: 'unreachable', member: OTHER });
  rig.propose(3);
  deepEqual(rig.take(), [3]);
  const asked = unanswered(rig, 4 * LIMITS.heartbeatTicks);
  ok(asked.length >= 2 && asked.every((entries) => entries === 0), `${asked}`);
  rig.has(1);
  deepEqual(rig.take(), [3], 'the first one was lost');
});
