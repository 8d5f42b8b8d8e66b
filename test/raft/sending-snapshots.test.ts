/** How a leader sends a snapshot: by answers and by its reader, within a window, never for ever. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberId, ShardId } from '../../src/base/ids.ts';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import type {
  LogEntry,
  Message,
  SnapshotChunk,
  SnapshotDescription,
} from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import { Raft } from '../../src/raft/raft.ts';
import type { SnapshotReader } from '../../src/raft/ready.ts';

const SHARD = 1 as ShardId;
const SELF = 7 as MemberId;
const OTHER = 8 as MemberId;
const CHUNK = 10;
const LIMITS = { ...RAFT_LIMITS, chunkBytesMax: CHUNK, chunkWindowBytesMax: 4 * CHUNK };
const CONFIGURATION = { voters: [SELF], outgoing: [], learners: [OTHER] };
const AT = { index: 10, term: 1 };
const SNAPSHOT: SnapshotDescription = {
  ...AT,
  configuration: CONFIGURATION,
  configurationAt: { index: 1, term: 1 },
};

/** A leader whose log begins behind index 10, and a learner that has nothing. */
class Rig implements SnapshotReader {
  readonly released: number[] = [];
  /** How much of the stream can be read, and how long it is. */
  readable = Number.POSITIVE_INFINITY;
  length = 1000;
  hasPlace = true;
  readonly raft: Raft;
  /** From index 11 on. */
  readonly #entries: LogEntry[] = [];
  #now = 0;

  constructor() {
    this.raft = new Raft({
      shard: SHARD,
      self: SELF,
      limits: LIMITS,
      random: new Random(1),
      entries: { read: ({ from, to }) => this.#entries.slice(from - 11, to - 10) },
      snapshots: this,
      restored: {
        hardState: { term: 1, vote: SELF, commit: 10 },
        log: { base: AT, runs: [], lastIndex: 10, damaged: [] },
        configurations: [{ at: SNAPSHOT.configurationAt, configuration: CONFIGURATION }],
        applied: 10,
        mayVote: true,
      },
    });
    while (!this.raft.isLeader) {
      this.tick();
      this.take();
    }
    this.take();
  }

  open(from: number) {
    ok(from <= 10);
    return this.hasPlace ? SNAPSHOT : 'later';
  }

  read({ offset, bytesMax }: { readonly offset: number; readonly bytesMax: number }) {
    if (offset + bytesMax > this.readable) return 'later';
    const end = Math.min(this.length, offset + bytesMax);
    return { data: new Uint8Array(end - offset), isLast: end === this.length };
  }

  release(index: number): void {
    this.released.push(index);
  }

  tick(): void {
    this.#now += 20;
    this.raft.step({ type: 'tick', now: this.#now });
  }

  /** The offsets of the chunks that leave with this turn. */
  take(): readonly number[] {
    const { write, messages, committed } = this.raft.take();
    this.#entries.push(...(write?.entries ?? []));
    if (write !== undefined) this.raft.step({ type: 'durable', mark: write.mark });
    const index = committed.at(-1)?.index;
    if (index !== undefined) this.raft.step({ type: 'applied', index });
    const isChunk = (message: Message): message is SnapshotChunk => {
      return message.type === 'snapshot-chunk';
    };
    return messages.filter(isChunk).map(({ offset }) => offset);
  }

  get #address() {
    return { shard: SHARD, from: OTHER, to: SELF, term: this.raft.term, round: 0 };
  }

  /** The learner says that it has nothing before this. */
  misses(index: number): void {
    const message = { type: 'append-response', answer: 'missing', index, hint: ORIGIN } as const;
    this.raft.step({ type: 'message', message: { ...this.#address, ...message } });
  }

  wantsFrom(offset: number): void {
    const message = { type: 'snapshot-response', answer: 'next', index: 10, offset } as const;
    this.raft.step({ type: 'message', message: { ...this.#address, ...message } });
  }

  has(index: number): void {
    const message = { type: 'append-response', answer: 'have', index, hint: ORIGIN } as const;
    this.raft.step({ type: 'message', message: { ...this.#address, ...message } });
  }

  /** The first chunk has left. */
  static begun(): Rig {
    const rig = new Rig();
    rig.misses(10);
    deepEqual(rig.take(), [0]);
    return rig;
  }
}

test('each answer lets the next chunks leave at once, and the window grows to its bound', () => {
  const rig = Rig.begun();
  rig.wantsFrom(10);
  deepEqual(rig.take(), [10, 20]);
  rig.wantsFrom(20);
  deepEqual(rig.take(), [30, 40]);
  rig.wantsFrom(30);
  deepEqual(rig.take(), [50, 60]);
  rig.wantsFrom(40);
  deepEqual(rig.take(), [70], 'four chunks are on their way, and no more');
  deepEqual(rig.take(), []);
});

test('a chunk that the reader did not have leaves as soon as it has it', () => {
  const rig = Rig.begun();
  rig.readable = 15;
  rig.wantsFrom(10);
  deepEqual(rig.take(), []);
  rig.readable = 25;
  rig.raft.step({ type: 'snapshot-readable' });
  ok(rig.raft.hasReady, 'without a tick or an answer');
  deepEqual(rig.take(), [10]);
});

test('without an answer the first missing chunk is sent again, alone, and ever more rarely', () => {
  const rig = Rig.begun();
  rig.wantsFrom(10);
  deepEqual(rig.take(), [10, 20]);
  const waits: number[] = [];
  for (let ticks = 1; waits.length < 3; ticks++) {
    rig.tick();
    // A member that is heard, but whose chunks are lost.
    rig.misses(9);
    const sent = rig.take();
    if (sent.length === 0) continue;
    deepEqual(sent, [10]);
    waits.push(ticks);
  }
  const { electionTicksMin: wait } = LIMITS;
  deepEqual(waits, [wait, wait * 3, wait * 7]);
  // A late answer to what was sent at first.
  rig.wantsFrom(30);
  deepEqual(rig.take(), [30, 40]);
});

test('a snapshot is released when its follower has it', () => {
  const rig = Rig.begun();
  deepEqual(rig.released, []);
  rig.has(10);
  rig.take();
  deepEqual(rig.released, [10]);
});

test('a silent follower gives up its place, and gets it again when it is back', () => {
  const rig = Rig.begun();
  for (let tick = 0; tick <= LIMITS.transferPatienceTicks; tick++) {
    equal(rig.released.length, 0);
    rig.tick();
    rig.take();
    if (tick === LIMITS.transferPatienceTicks - 1) break;
  }
  deepEqual(rig.released, [10]);
  rig.misses(10);
  deepEqual(rig.take(), [0]);
});

test('a leader that loses its office releases the snapshots that it was sending', () => {
  const rig = Rig.begun();
  const term = rig.raft.term + 1;
  const address = { shard: SHARD, from: OTHER, to: SELF, term, round: 0, delayMilliseconds: 0 };
  rig.raft.step({ type: 'message', message: { ...address, type: 'heartbeat-response' } });
  rig.take();
  equal(rig.raft.isLeader, false);
  deepEqual(rig.released, [10]);
});

test('a follower waits while as many snapshots as allowed are sent, and has its turn then', () => {
  const rig = new Rig();
  rig.hasPlace = false;
  rig.misses(10);
  deepEqual(rig.take(), []);
  rig.hasPlace = true;
  rig.raft.step({ type: 'snapshot-readable' });
  deepEqual(rig.take(), [0]);
});

test('the log is kept for a slow follower, but not where there is no room for it', () => {
  const rig = new Rig();
  rig.misses(9);
  const payloads = Array.from({ length: LIMITS.tailEntries + 20 }, () => new Uint8Array(1));
  rig.raft.step({ type: 'propose', payloads });
  while (rig.raft.status().applied < rig.raft.status().last.index) rig.take();
  const { applied: index, base } = rig.raft.status();
  ok(index > LIMITS.tailEntries + 20);
  rig.raft.step({ type: 'truncate', index });
  equal(rig.raft.status().base.index, base.index, 'the learner is heard and lacks it');
  rig.raft.step({ type: 'truncate', index, keepFrom: index - 3 });
  equal(rig.raft.status().base.index, index - 4);
  rig.raft.step({ type: 'truncate', index: index - 2, keepFrom: index + 1 });
  equal(rig.raft.status().base.index, index - 2, 'never more than the state on disk has');
});
