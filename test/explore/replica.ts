/** One explored replica: the real core with its disk, and its events. */

import { assert, unreachable } from '../../src/base/assert.ts';
import { type MemberId, NO_MEMBER, type ShardId } from '../../src/base/ids.ts';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import { ElectionTimeout } from '../../src/raft/election-timeout.ts';
import type { Message } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import { Raft } from '../../src/raft/raft.ts';
import type { Ready } from '../../src/raft/ready.ts';
import type { RaftState } from '../../src/raft/state.ts';
import { Disk } from './disk.ts';
import { copyGraph, freezeGraph } from './graph.ts';

export const VOTERS: readonly MemberId[] = Object.freeze([1, 2, 3] as MemberId[]);

/** Time is counted in elections: one heartbeat in a tick, a timeout in three. */
const LIMITS = freezeGraph({
  ...RAFT_LIMITS,
  heartbeatTicks: 1,
  electionTicksMin: 3,
  quiesceTicks: 1_000_000,
  leaseMilliseconds: 40,
});

/** Every timeout is the longest possible, so a replica campaigns only on command. */
const RANDOM: Random = Object.assign(new Random(0), { below: (limit: number) => limit - 1 });
Object.freeze(RANDOM);
const NO_SNAPSHOTS = Object.freeze({
  open: () => undefined,
  read: () => 'gone' as const,
  release() {},
});

const FIRST = freezeGraph({
  at: ORIGIN,
  configuration: { voters: VOTERS, outgoing: [], learners: [] },
});

export type Happening =
  | { readonly type: 'deliver'; readonly message: Message }
  /** The oldest pending write becomes durable. */
  | { readonly type: 'sync' }
  /** The election timer fires. */
  | { readonly type: 'campaign' }
  /** A follower has not heard its leader for the shortest election timeout. */
  | { readonly type: 'silence' }
  /** A leader's heartbeat is due. */
  | { readonly type: 'beat' }
  | { readonly type: 'propose'; readonly payload: Uint8Array }
  | { readonly type: 'read' }
  /** Loses all that is not synced, and restarts at once. */
  | { readonly type: 'crash' };

export interface Outputs {
  readonly messages: readonly Message[];
  /** The index a read was granted at. */
  readonly readIndex: number | undefined;
}

export interface After {
  readonly replica: Replica;
  readonly outputs: Outputs;
}

/** Invariant: never changed once it stands in a state; `after` makes a changed copy. */
export class Replica {
  readonly member: MemberId;
  raft: Raft;
  readonly disk = new Disk();

  constructor(member: MemberId) {
    this.member = member;
    this.raft = revived(member, this.disk);
  }

  /** The whole state of the core, opened by the loader hook. */
  get core(): RaftState {
    return (this.raft as unknown as { readonly _state: RaftState })._state;
  }

  get isLeader(): boolean {
    return this.core.role.type === 'leader';
  }

  /** A follower that refuses votes because of a leader it heard, or of one it may have heard. */
  get isWaiting(): boolean {
    const { role, ticks, votesFromTick, promiseTicks } = this.core;
    if (role.type !== 'follower' || role.elapsed >= LIMITS.electionTicksMin) return false;
    return role.leader !== NO_MEMBER || ticks < votesFromTick || promiseTicks > 0;
  }

  after(happening: Happening): After {
    const replica = copyGraph<Replica>(this);
    return { replica, outputs: live(replica, happening) };
  }
}

function live(replica: Replica, happening: Happening): Outputs {
  const messages: Message[] = [];
  let readIndex: number | undefined;
  meet(replica, happening);
  while (replica.raft.hasReady) {
    const ready = replica.raft.take();
    if (ready.write !== undefined) replica.disk.write(ready.write);
    messages.push(...ready.messages.map(timeless));
    for (const read of ready.reads) if (read.type === 'granted') readIndex = read.index;
    apply(replica, ready.committed);
  }
  forgetTime(replica);
  return { messages, readIndex };
}

function meet(replica: Replica, happening: Happening): void {
  const { raft, disk, core } = replica;
  switch (happening.type) {
    case 'deliver':
      raft.step({ type: 'message', message: happening.message });
      return;
    case 'sync':
      raft.step({ type: 'durable', mark: disk.sync() });
      return;
    case 'campaign':
      raft.step({ type: 'campaign' });
      return;
    case 'silence': {
      assert(core.role.type === 'follower', 'only followers wait for a leader');
      const ticks = LIMITS.electionTicksMin - core.role.elapsed;
      for (let count = 0; count < ticks; count++) raft.step({ type: 'tick', now: 0 });
      return;
    }
    case 'beat':
      raft.step({ type: 'tick', now: 0 });
      return;
    case 'propose':
      raft.step({ type: 'propose', payloads: [happening.payload] });
      return;
    case 'read':
      raft.step({ type: 'read', id: 1 });
      return;
    case 'crash':
      disk.crash();
      replica.raft = revived(replica.member, disk);
      return;
    default:
      unreachable(happening);
  }
}

function apply(replica: Replica, committed: Ready['committed']): void {
  const last = committed[committed.length - 1];
  if (last === undefined) return;
  for (const entry of committed) {
    const written = replica.disk.written.entries[entry.index - 1];
    assert(written?.term === entry.term, 'what is handed to the machine is in the log');
  }
  replica.raft.step({ type: 'applied', index: last.index });
}

function timeless(message: Message): Message {
  return 'sentAt' in message ? { ...message, sentAt: 0 } : message;
}

/** To all but a leader, any time past the restart's silence is the same time. */
function forgetTime(replica: Replica): void {
  const { core } = replica;
  if (core.role.type !== 'leader') core.ticks = Math.min(core.ticks, core.votesFromTick);
  // No time passes, so nothing is slow: observed delays are the same everywhere.
  Object.assign(core.timeout, new ElectionTimeout(LIMITS));
  core.heardAt = 0;
  core.statedTicks = 0;
  if (core.role.type !== 'leader') return;
  for (const progress of core.role.followers.values()) progress.delay = 0;
}

function revived(member: MemberId, disk: Disk): Raft {
  const { hardState, entries } = disk.synced;
  const runs = entries
    .filter((entry, at) => entry.term !== entries[at - 1]?.term)
    .map(({ index, term }) => ({ index, term }));
  return new Raft({
    shard: 0 as ShardId,
    self: member,
    limits: LIMITS,
    random: RANDOM,
    entries: disk,
    snapshots: NO_SNAPSHOTS,
    restored: {
      hardState,
      log: { base: ORIGIN, runs, lastIndex: entries.length, damaged: [] },
      configurations: [FIRST],
      applied: 0,
      mayVote: true,
    },
  });
}
