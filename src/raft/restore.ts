/** Creates a replica: from nothing, or from what its former lives left on disk. */

import { assert } from '../base/assert.ts';
import { type MemberId, NO_MEMBER, type ShardId } from '../base/ids.ts';
import type { RaftLimits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { Configurations, type PlacedConfiguration } from './configuration.ts';
import { ElectionTimeout } from './election-timeout.ts';
import { type EntryReader, RaftLog, type RestoredLog } from './log.ts';
import { Outbox } from './outbox.ts';
import type { HardState, Links, SnapshotReader } from './ready.ts';
import { drawTimeout, type RaftState } from './state.ts';

/** What the disk has of a replica's former lives. */
export interface Restored {
  readonly hardState: HardState;
  readonly log: RestoredLog;
  /** The configuration in force at the log's base, then each one in the log, rising. */
  readonly configurations: readonly PlacedConfiguration[];
  /** The machine's state covers the log through here. At least the log's base. */
  readonly applied: number;
  /** False once a vote or an acknowledged entry may be lost: this member never votes again. */
  readonly mayVote: boolean;
}

export interface RaftOptions {
  readonly shard: ShardId;
  readonly self: MemberId;
  readonly limits: RaftLimits;
  readonly random: Random;
  readonly entries: EntryReader;
  readonly snapshots: SnapshotReader;
  /** Without any, links are never full. */
  readonly links?: Links;
  readonly restored: Restored;
}

const WIDE: Links = { room: () => Number.POSITIVE_INFINITY, taken: () => {} };

export function restore(options: RaftOptions): RaftState {
  const { restored, random, limits } = options;
  const { hardState, applied } = restored;
  const log = new RaftLog(options.entries, restored.log);
  assert(applied >= log.base.index, 'the state covers the truncated entries');
  assert(hardState.term >= log.lastTerm, 'the term is at least that of the last entry');
  const commit = Math.max(Math.min(hardState.commit, log.lastIndex), applied);
  assert(commit <= log.lastIndex, 'the log has the applied entries');
  const state: RaftState = {
    shard: options.shard,
    self: options.self,
    limits,
    random,
    snapshots: options.snapshots,
    links: options.links ?? WIDE,
    openSnapshots: new Set(),
    log,
    configurations: new Configurations(restored.configurations),
    outbox: new Outbox(),
    term: hardState.term,
    vote: hardState.vote,
    commit,
    handed: applied,
    applied,
    role: {
      type: 'follower',
      leader: NO_MEMBER,
      elapsed: 0,
      timeout: limits.electionTicksMin,
      incoming: undefined,
      isQuiet: false,
    },
    mayVote: restored.mayVote,
    isRemoved: false,
    isStateLost: false,
    contradiction: undefined,
    votesFromTick: mayHavePromised(options) ? limits.electionTicksMin : 0,
    promiseTicks: 0,
    promisedTo: NO_MEMBER,
    timeout: new ElectionTimeout(limits),
    heardAt: 0,
    statedTicks: 0,
    ticks: 0,
    now: Number.NEGATIVE_INFINITY,
    termWrite: 0,
    hasNews: false,
    isHandingBlocked: false,
  };
  if (state.role.type === 'follower') state.role.timeout = drawTimeout(state);
  return state;
}

/**
 * Whether another member may rely on a promise of a former life. A member that founded its shard
 * alone, and whose configuration has not changed since, has never had another leader: every change
 * of its configuration would be in its own log before it counts.
 */
function mayHavePromised({ self, restored }: RaftOptions): boolean {
  if (restored.hardState.term === 0) return false;
  const newest = restored.configurations.at(-1);
  if (newest === undefined || newest.at.index > 0) return true;
  const { voters, outgoing, learners } = newest.configuration;
  const isAlone = voters.length === 1 && voters[0] === self;
  return !isAlone || outgoing.length > 0 || learners.length > 0;
}
