/** Nonsense on the wire: dropped and counted, never thrown about, never a higher term. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { type MemberId, NO_MEMBER, type ShardId } from '../../src/base/ids.ts';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import type { Configuration } from '../../src/raft/configuration.ts';
import type { LogEntry, Message } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import { Raft } from '../../src/raft/raft.ts';
import { byEffort } from '../support/effort.ts';

const SHARD = 1 as ShardId;
const SELF = 1 as MemberId;
const PEER = 2 as MemberId;
const STRANGER = 9 as MemberId;
const VOTERS: Configuration = {
  voters: [1, 2, 3] as MemberId[],
  outgoing: [],
  learners: [],
};
const ODD = [-1, 0.5, 2 ** 53, 2 ** 60, Number.NaN, Number.POSITIVE_INFINITY];

interface Replica {
  readonly raft: Raft;
  /** Every entry that was written, by index. */
  readonly written: Map<number, LogEntry>;
}

function createReplica(seed: number): Replica {
  const written = new Map<number, LogEntry>();
  const raft = new Raft({
    shard: SHARD,
    self: SELF,
    limits: RAFT_LIMITS,
    random: new Random(seed),
    entries: { read: ({ from }) => [written.get(from)].filter((entry) => entry !== undefined) },
    snapshots: { open: () => undefined, read: () => 'gone', release() {} },
    restored: {
      hardState: { term: 0, vote: NO_MEMBER, commit: 0 },
      log: { base: ORIGIN, runs: [], lastIndex: 0, damaged: [] },
      configurations: [{ at: ORIGIN, configuration: VOTERS }],
      applied: 0,
      mayVote: true,
    },
  });
  return { raft, written };
}

function flush({ raft, written }: Replica): Message[] {
  const sent: Message[] = [];
  while (raft.hasReady) {
    const ready = raft.take();
    sent.push(...ready.messages);
    if (ready.write === undefined) continue;
    const { entries, repairs, mark } = ready.write;
    for (const entry of [...entries, ...repairs]) written.set(entry.index, entry);
    raft.step({ type: 'durable', mark });
  }
  return sent;
}

function lead(replica: Replica): void {
  const { raft } = replica;
  for (const isPreVote of [true, false]) {
    if (isPreVote) raft.step({ type: 'campaign' });
    flush(replica);
    const envelope = { shard: SHARD, from: PEER, to: SELF, term: 1, sentAt: 0 };
    const message: Message = { type: 'vote-response', ...envelope, isPreVote, isGranted: true };
    raft.step({ type: 'message', message });
  }
  flush(replica);
  assert.equal(raft.status().role, 'leader');
}

/** A message of each type that a peer of term 7 could have sent. */
function samples(from: MemberId): Message[] {
  const envelope = { shard: SHARD, from, to: SELF, term: 7 };
  const at = { index: 4, term: 2 };
  const snapshot = { ...at, configuration: VOTERS, configurationAt: ORIGIN };
  const entries: LogEntry[] = [{ index: 5, term: 3, kind: 'empty' }];
  const answer = { index: 3, hint: ORIGIN, round: 1 };
  const asked = { isTransfer: true, last: at, configuration: ORIGIN, sentAt: 0 };
  const told = { commit: 0, round: 1, configuration: ORIGIN };
  const beat = { isLast: false, isEstablished: true, timeoutMilliseconds: 200 };
  const chunk = { offset: 0, data: new Uint8Array(3), isLast: true, round: 1 };
  return [
    { type: 'vote-request', ...envelope, isPreVote: false, ...asked },
    { type: 'vote-request', ...envelope, isPreVote: true, ...asked },
    { type: 'vote-response', ...envelope, isPreVote: false, isGranted: true, sentAt: 0 },
    { type: 'append', ...envelope, previous: at, entries, ...told },
    { type: 'append-response', ...envelope, answer: 'have', ...answer },
    { type: 'append-response', ...envelope, answer: 'missing', ...answer },
    { type: 'append-response', ...envelope, answer: 'damaged', ...answer },
    { type: 'append-response', ...envelope, answer: 'stateless', ...answer },
    { type: 'heartbeat', ...envelope, ...told, ...beat },
    { type: 'heartbeat-response', ...envelope, round: 1, delayMilliseconds: 0 },
    { type: 'snapshot-chunk', ...envelope, snapshot, ...chunk },
    { type: 'snapshot-response', ...envelope, answer: 'next', index: 3, offset: 1, round: 1 },
    { type: 'campaign-now', ...envelope },
    { type: 'removed', ...envelope, configuration: ORIGIN },
    { type: 'repair-request', ...envelope, entry: at, through: 4 },
    { type: 'repair-response', ...envelope, entries },
  ];
}

function mutate(random: Random, value: unknown): unknown {
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map((item) => mutate(random, item));
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(([name, field]) => [name, mutate(random, field)]);
    return Object.fromEntries(fields);
  }
  if (typeof value !== 'number') return value;
  if (random.chance(0.15)) return random.pick(ODD);
  return random.chance(0.2) ? random.below(12) : value;
}

test('a message for another shard or member, or from itself, is dropped', () => {
  const { raft } = createReplica(1);
  for (const sample of samples(PEER)) {
    const cases: [Message, string][] = [
      [{ ...sample, shard: 2 as ShardId }, 'wrong-shard'],
      [{ ...sample, to: 3 as MemberId }, 'not-for-us'],
      [{ ...sample, from: SELF }, 'malformed'],
      [{ ...sample, from: NO_MEMBER }, 'malformed'],
    ];
    for (const [message, reason] of cases) {
      assert.deepEqual(raft.step({ type: 'message', message }), { type: 'refused', reason });
    }
  }
  assert.equal(raft.status().term, 0);
});

test('no term beyond the maximum is accepted or adopted', () => {
  const { raft } = createReplica(2);
  for (const term of ODD) {
    for (const sample of samples(PEER)) {
      const outcome = raft.step({ type: 'message', message: { ...sample, term } });
      assert.deepEqual(outcome, { type: 'refused', reason: 'malformed' });
    }
  }
  assert.equal(raft.status().term, 0);
});

test('an unknown sender without a newer configuration never raises the term', () => {
  const replica = createReplica(3);
  const { raft } = replica;
  lead(replica);
  raft.step({ type: 'change', target: { voters: VOTERS.voters, learners: [] } });
  const before = raft.status();
  for (const message of samples(STRANGER)) {
    assert.equal(raft.step({ type: 'message', message }).type, 'refused', message.type);
  }
  assert.equal(raft.status().term, before.term);
});

test('an append with a gap, a lower term or no voters is dropped whole', () => {
  const replica = createReplica(4);
  const { raft } = replica;
  const envelope = { shard: SHARD, from: PEER, to: SELF, term: 7 };
  const append = { type: 'append', ...envelope, previous: ORIGIN, commit: 0, round: 0 } as const;
  const noMembers: Configuration = { voters: [], outgoing: [], learners: [] };
  const bad: LogEntry[][] = [
    [{ index: 2, term: 1, kind: 'empty' }],
    [
      { index: 1, term: 2, kind: 'empty' },
      { index: 2, term: 1, kind: 'empty' },
    ],
    [{ index: 1, term: 8, kind: 'empty' }],
    [{ index: 1, term: 1, kind: 'configuration', configuration: noMembers }],
  ];
  for (const entries of bad) {
    const message: Message = { ...append, entries, configuration: ORIGIN };
    const outcome = raft.step({ type: 'message', message });
    assert.deepEqual(outcome, { type: 'refused', reason: 'malformed' });
  }
  assert.deepEqual(flush(replica), []);
  assert.equal(raft.status().term, 0);
  assert.equal(raft.status().last.index, 0);
});

test('a drop is counted', () => {
  const { raft } = createReplica(5);
  const envelope = { shard: SHARD, from: STRANGER, to: SELF, term: 7 };
  raft.step({
    type: 'message',
    message: { type: 'heartbeat-response', ...envelope, round: 1, delayMilliseconds: 0 },
  });
  assert.deepEqual(raft.take().facts, ['message-dropped']);
});

const LIVES = byEffort({ full: 400, brief: 60 });

test(`${LIVES * 500} twisted messages are survived in every role`, () => {
  const random = new Random(6);
  for (let life = 0; life < LIVES; life++) {
    const replica = createReplica(life);
    const { raft } = replica;
    if (life % 3 === 1) raft.step({ type: 'campaign' });
    if (life % 3 === 2) lead(replica);
    for (let count = 0; count < 500; count++) {
      const { term, commit } = raft.status();
      const sample = random.pick(samples(random.pick([PEER, 3 as MemberId, STRANGER])));
      const near = { ...sample, term: random.between(Math.max(1, term - 1), term + 1) };
      raft.step({ type: 'message', message: mutate(random, near) as Message });
      if (random.chance(0.1)) raft.step({ type: 'tick', now: count });
      if (random.chance(0.2)) flush(replica);
      const after = raft.status();
      assert.ok(after.term >= term);
      assert.ok(after.commit >= commit && after.commit <= after.last.index);
    }
  }
});
