/** Every rule fails when it is broken: an oracle that cannot fail proves nothing. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { MemberId, ShardId } from '../../src/base/ids.ts';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import type { Configuration } from '../../src/raft/configuration.ts';
import type { LogEntry, Message } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import type { Write } from '../../src/raft/ready.ts';
import type { RaftStatus } from '../../src/raft/status.ts';
import { ReplicaImage } from './image.ts';
import { type Actor, Invariants } from './invariants.ts';
import { encodeOperation } from './operation.ts';

const SHARD = 1 as ShardId;
const [A, B, C] = [1, 2, 3] as MemberId[] as [MemberId, MemberId, MemberId];
const THREE: Configuration = { voters: [A, B, C], outgoing: [], learners: [] };

function createTrio() {
  const images = new Map<MemberId, ReplicaImage>();
  for (const member of [A, B, C]) {
    images.set(member, new ReplicaImage(member, { at: ORIGIN, configuration: THREE }));
  }
  const invariants = new Invariants({
    limits: { ...RAFT_LIMITS, appendBytesMax: 20 },
    now: () => 0,
    durableOf: (_shard, member) => images.get(member),
  });
  invariants.found(SHARD, THREE);
  for (const member of [A, B, C]) invariants.begin(actorOf(member), 0);
  const image = (member: MemberId) => images.get(member) as ReplicaImage;
  return { invariants, image };
}

function actorOf(member: MemberId): Actor {
  return { node: member, shard: SHARD, member };
}

function statusOf(member: MemberId, change: Partial<RaftStatus>): RaftStatus {
  return {
    role: 'follower',
    term: 1,
    vote: member,
    leader: member,
    commit: 0,
    applied: 0,
    base: ORIGIN,
    last: { index: 9, term: 1 },
    durable: 9,
    configuration: { at: ORIGIN, configuration: THREE },
    isSettled: false,
    isQuiet: false,
    isRemoved: false,
    mayVote: true,
    contradiction: undefined,
    firstDamaged: undefined,
    followers: [],
    ...change,
  };
}

function writeOf(entries: readonly LogEntry[], term = 1, vote = A): Write {
  const last = entries[entries.length - 1] ?? ORIGIN;
  const position = { index: last.index, term: last.term };
  const hardState = { term, vote, commit: 0 };
  return { mark: { number: 1, position }, hardState, snapshot: undefined, entries, repairs: [] };
}

function command(index: number, term: number, id = index): LogEntry {
  const operation = { id, kind: 'write' as const, key: 0, value: id, expected: 0 };
  return { kind: 'command', index, term, payload: encodeOperation(operation, 0) };
}

const ENVELOPE = { shard: SHARD, from: A, to: B, term: 1 };

test('two leaders in one term', () => {
  const { invariants, image } = createTrio();
  for (const member of [A, B]) image(member).apply(writeOf([], 1, member));
  invariants.observe(actorOf(A), statusOf(A, { role: 'leader' }), image(A));
  const again = () => invariants.observe(actorOf(B), statusOf(B, { role: 'leader' }), image(B));
  assert.throws(again, /two leaders in one term/);
});

test('a leader whose term is not durable', () => {
  const { invariants, image } = createTrio();
  const lead = () => invariants.observe(actorOf(A), statusOf(A, { role: 'leader' }), image(A));
  assert.throws(lead, /term is not durable/);
});

test('a term or a commit index that falls', () => {
  const { invariants, image } = createTrio();
  invariants.observe(actorOf(A), statusOf(A, { term: 5 }), image(A));
  const fall = () => invariants.observe(actorOf(A), statusOf(A, { term: 4 }), image(A));
  assert.throws(fall, /a term fell/);
});

test('a commit that is on the disks of a minority', () => {
  const { invariants, image } = createTrio();
  const status = statusOf(A, { commit: 1 });
  image(A).apply(writeOf([command(1, 1)]));
  const commit = () => invariants.observe(actorOf(A), status, image(A));
  assert.throws(commit, /without a durable quorum/);
  image(B).apply(writeOf([command(1, 1)]));
  commit();
});

test('an entry of a former term that is committed by itself', () => {
  const { invariants, image } = createTrio();
  for (const member of [A, B]) image(member).apply(writeOf([command(1, 1)], 2, A));
  const status = statusOf(A, { role: 'leader', term: 2, commit: 1 });
  const commit = () => invariants.observe(actorOf(A), status, image(A));
  assert.throws(commit, /former term/);
});

test('a leader without a committed entry', () => {
  const { invariants, image } = createTrio();
  for (const member of [A, B]) image(member).apply(writeOf([command(1, 1)]));
  invariants.written(
    actorOf(A),
    writeOf([command(1, 1)]),
    new ReplicaImage(A, image(A).baseConfiguration),
  );
  invariants.observe(actorOf(A), statusOf(A, { commit: 1 }), image(A));
  image(C).apply(writeOf([], 2, C));
  const lead = () =>
    invariants.observe(actorOf(C), statusOf(C, { role: 'leader', term: 2 }), image(C));
  assert.throws(lead, /lacks a committed entry/);
});

test('two entries with one position, and one entry after two different ones', () => {
  const { invariants, image } = createTrio();
  invariants.written(actorOf(A), writeOf([command(1, 1), command(2, 2)]), image(A));
  const differ = () => invariants.written(actorOf(B), writeOf([command(1, 1, 7)]), image(B));
  assert.throws(differ, /two entries with one position/);
  const fork = () =>
    invariants.written(actorOf(B), writeOf([command(1, 2), command(2, 2)]), image(B));
  assert.throws(fork, /after two different/);
});

test('different entries applied at one index, out of order, or twice', () => {
  const { invariants, image } = createTrio();
  for (const member of [A, B]) {
    image(member).apply(writeOf([command(1, 1), command(2, 1)]));
  }
  invariants.observe(actorOf(A), statusOf(A, { commit: 2 }), image(A));
  invariants.applied(actorOf(A), command(1, 1));
  assert.throws(() => invariants.applied(actorOf(B), command(1, 1, 9)), /two entries were applied/);
  assert.throws(() => invariants.applied(actorOf(C), command(2, 1)), /out of order/);
  assert.throws(() => invariants.applied(actorOf(A), command(2, 1, 1)), /applied twice/);
});

test('an entry after those that a log keeps after a snapshot', () => {
  const { invariants, image } = createTrio();
  const entries = [command(1, 1), command(2, 2)];
  const snapshot = { index: 1, term: 1, configuration: THREE, configurationAt: ORIGIN };
  for (const member of [A, B]) {
    invariants.written(actorOf(member), writeOf(entries, 2), image(member));
    image(member).apply(writeOf(entries, 2));
  }
  invariants.written(actorOf(A), writeOf([command(3, 2)], 2), image(A));
  invariants.written(actorOf(B), { ...writeOf([command(3, 2)], 2), snapshot }, image(B));
});

test('an entry applied before it is committed', () => {
  const { invariants } = createTrio();
  assert.throws(() => invariants.applied(actorOf(A), command(1, 1)), /before commit/);
});

test('a vote that leaves before it is durable, and two votes in one term', () => {
  const { invariants, image } = createTrio();
  const answer = { type: 'vote-response' as const, isPreVote: false, isGranted: true, sentAt: 0 };
  const vote = { ...ENVELOPE, ...answer };
  assert.throws(() => invariants.sent(actorOf(A), vote), /before it was durable/);
  image(A).apply(writeOf([], 1, B));
  invariants.sent(actorOf(A), vote);
  image(A).apply(writeOf([], 1, C));
  assert.throws(() => invariants.sent(actorOf(A), { ...vote, to: C }), /voted twice/);
  assert.throws(() => invariants.settled(actorOf(A), image(A)), /voted twice/);
});

test('an acknowledgement before the entry is durable', () => {
  const { invariants, image } = createTrio();
  image(A).apply(writeOf([command(1, 1)]));
  const answer: Message = {
    ...{ ...ENVELOPE, type: 'append-response', answer: 'have' },
    ...{ index: 2, hint: ORIGIN, round: 1 },
  };
  assert.throws(() => invariants.sent(actorOf(A), answer), /acknowledged before/);
  invariants.sent(actorOf(A), { ...answer, index: 1 });
});

test('an append beyond its limit', () => {
  const { invariants } = createTrio();
  const entries = [command(1, 1), command(2, 1)];
  const append: Message = {
    ...{ ...ENVELOPE, type: 'append', previous: ORIGIN, entries },
    ...{ commit: 0, round: 1, configuration: ORIGIN },
  };
  assert.throws(() => invariants.sent(actorOf(A), append), /beyond its limit/);
});

test('voters that change without the joint form, or on top of an open change', () => {
  const { invariants, image } = createTrio();
  const change = (index: number, configuration: Configuration): LogEntry => {
    return { kind: 'configuration', index, term: 1, configuration };
  };
  const sudden = writeOf([change(1, { ...THREE, voters: [A, B] })]);
  assert.throws(() => invariants.written(actorOf(A), sudden, image(A)), /without the joint form/);
  const joint = { voters: [A, B], outgoing: [A, B, C], learners: [] };
  const other = createTrio();
  const first = writeOf([change(1, joint)]);
  other.invariants.written(actorOf(A), first, other.image(A));
  other.image(A).apply(first);
  const settled = writeOf([change(2, { ...joint, outgoing: [] })]);
  const hurry = () => other.invariants.written(actorOf(A), settled, other.image(A));
  assert.throws(hurry, /not committed/);
});

test('a read below the commit, and a lease that outlived its leadership', () => {
  const { invariants, image } = createTrio();
  for (const member of [A, B]) image(member).apply(writeOf([command(1, 1)]));
  invariants.observe(actorOf(A), statusOf(A, { role: 'leader', commit: 1 }), image(A));
  const asked = invariants.asked(SHARD);
  const grant = () => invariants.granted(actorOf(B), { index: 0, asked });
  assert.throws(grant, /below what was committed/);
  assert.throws(() => invariants.leased(actorOf(B), { index: 0, term: 1 }), /below the commit/);
  assert.throws(() => invariants.leased(actorOf(B), { index: 1, term: 0 }), /outlived/);
});
