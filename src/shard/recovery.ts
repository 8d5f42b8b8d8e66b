/** Opens a replica from what the log and the state store of its node hold. */

import { type MemberId, NO_MEMBER, type ShardId } from '../base/ids.ts';
import type { RaftLimits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { Configuration, PlacedConfiguration } from '../raft/configuration.ts';
import { isContradicted } from '../raft/contradiction.ts';
import { RaftLog } from '../raft/log.ts';
import type { SnapshotDescription } from '../raft/message.ts';
import { ORIGIN } from '../raft/position.ts';
import { Raft } from '../raft/raft.ts';
import type { Links } from '../raft/ready.ts';
import type { Log, RestoredReplica } from '../storage/log/log.ts';
import { StateDamage } from '../storage/state/state.ts';
import type { StateStore } from '../storage/state/state-store.ts';
import { LogTime } from './log-time.ts';
import { Replica } from './replica.ts';
import type { ReplicaContext } from './replica-state.ts';
import type { ShardMachine } from './shard-machine.ts';
import { soundSnapshots } from './sound-snapshots.ts';

export interface RecoveryOptions {
  readonly context: ReplicaContext;
  readonly log: Log;
  readonly random: Random;
  readonly limits: RaftLimits;
  /** The wall clock in milliseconds: where the time of a shard without history begins. */
  readonly wall: number;
  readonly machineOf: (shard: ShardId) => ShardMachine;
  readonly linksOf: (shard: ShardId) => Links;
}

interface Found {
  readonly shard: ShardId;
  readonly found: RestoredReplica;
  /** The replica has work for the end of the turn. */
  readonly onWork: () => void;
}

/**
 * The log is authoritative and the state follows it. There are five ways in which they can differ.
 * - No state: the log has everything, and the machine starts from nothing. The same if the state is
 *   damaged and the log still has everything.
 * - A state behind the log's base, or a damaged one: only another replica can provide it, so this
 *   one follows and votes without a machine until a snapshot arrives.
 * - A state past the end of the log: a snapshot became the state, and the process died before the
 *   log was restarted behind it. That is done now.
 * - A state that contradicts what the log knows to be committed counts as damaged.
 */
export function recoverReplica({ shard, found, onWork }: Found, options: RecoveryOptions): Replica {
  const { context, log, limits, random } = options;
  const { store } = context;
  if (!store.shards.includes(shard)) create(shard, found, store);
  let machine = machineOrNone(shard, options);
  if (contradicts(store.description(shard), { shard, found, log })) store.condemn(shard);
  if (!isUsable(shard, machine, store) && hasEverything(found)) {
    // Rows of a former life do not count any more; a new generation begins.
    store.drop(shard);
    create(shard, found, store);
    machine = machineOrNone(shard, options);
  }
  const state = store.description(shard);
  const { base } = found.log;
  const isUseless = state.index < base.index || contradicts(state, { shard, found, log });
  const restored = isUseless || reaches(found, state) ? found : restarted(found, state);
  if (restored !== found) record(shard, { log, restored, state });
  const raft = new Raft({
    shard,
    self: restored.member,
    limits,
    random: random.fork(`raft ${shard}`),
    entries: log.reader(shard),
    snapshots: soundSnapshots(shard, store),
    links: options.linksOf(shard),
    restored: { ...restored, applied: isUseless ? base.index : state.index },
  });
  const isGuess = machine.time === 0;
  const time = new LogTime({ time: machine.time || options.wall, now: context.clock(), isGuess });
  const { member } = restored;
  const newMachine = () => options.machineOf(shard);
  const firstRead = random.fork(`reads ${shard}`).word();
  const parts = { raft, machine, newMachine, time };
  const replica = new Replica({ context, shard, member, ...parts, firstRead, onWork });
  // Lost values stay lost; everything else is served.
  const mayStayDamaged =
    machine !== NO_MACHINE && replica.isIrreplaceable && !store.isCondemned(shard);
  if (isUseless || !(mayStayDamaged || isUsable(shard, machine, store))) replica.markCorrupt();
  return replica;
}

function create(shard: ShardId, { configurations }: RestoredReplica, store: StateStore): void {
  store.create(shard, (configurations[0] as PlacedConfiguration).configuration);
}

function isUsable(shard: ShardId, machine: ShardMachine, store: StateStore): boolean {
  return machine !== NO_MACHINE && !store.isDamaged(shard);
}

/** From the first entry on, and none of them damaged. */
function hasEverything({ log }: RestoredReplica): boolean {
  return log.base.index === 0 && log.damaged.length === 0;
}

/** For a replica whose state is damaged: it votes and keeps its log, and applies nothing. */
const NO_MACHINE: ShardMachine = {
  time: 0,
  recordUntil: 0,
  lockTable: undefined,
  coordination: undefined,
  leaseTimeAt: () => 0,
  recentDeletes: undefined,
  apply: () => 'unknown',
  reload() {},
};

function machineOrNone(shard: ShardId, { machineOf }: RecoveryOptions): ShardMachine {
  try {
    return machineOf(shard);
  } catch (error) {
    if (!(error instanceof StateDamage)) throw error;
    return NO_MACHINE;
  }
}

/** The record of a replica that has just been created. */
export function newborn(member: MemberId, configuration: Configuration): RestoredReplica {
  return {
    member,
    hardState: { term: 0, vote: NO_MEMBER, commit: 0 },
    log: { base: ORIGIN, runs: [], lastIndex: 0, damaged: [] },
    configurations: [{ at: ORIGIN, configuration }],
    mayVote: true,
  };
}

/** The log has the last entry of the state, or begins right behind it. */
function reaches({ log }: RestoredReplica, state: SnapshotDescription): boolean {
  if (state.index === log.base.index) return state.term === log.base.term;
  if (state.index > log.lastIndex) return false;
  const run = log.runs.findLast(({ index }) => index <= state.index);
  return run?.term === state.term;
}

/** The result of the lost write that should have restarted the log. */
function restarted(found: RestoredReplica, state: SnapshotDescription): RestoredReplica {
  const { index, configuration, configurationAt } = state;
  const term = Math.max(found.hardState.term, state.term);
  const vote = term === found.hardState.term ? found.hardState.vote : NO_MEMBER;
  return {
    ...found,
    hardState: { term, vote, commit: index },
    log: { base: { index, term: state.term }, runs: [], lastIndex: index, damaged: [] },
    configurations: [{ at: configurationAt, configuration }],
  };
}

interface Kept {
  readonly shard: ShardId;
  readonly found: RestoredReplica;
  readonly log: Log;
}

/**
 * No log that ends with the state has the entries that this one knows to be committed. What the
 * replica acknowledged is in its log, so the state is given up.
 */
function contradicts(state: SnapshotDescription, { shard, found, log }: Kept): boolean {
  const known = new RaftLog(log.reader(shard), found.log);
  const { base, lastIndex } = known;
  const commit = Math.max(base.index, Math.min(found.hardState.commit, lastIndex));
  return isContradicted({ log: known, commit }, state);
}

interface Restart {
  readonly log: Log;
  readonly restored: RestoredReplica;
  readonly state: SnapshotDescription;
}

/** No request waits for this record: if it is lost again, it is made again. */
function record(shard: ShardId, { log, restored, state }: Restart): void {
  const mark = { number: 0, position: restored.log.base };
  const { hardState } = restored;
  const write = { mark, hardState, snapshot: state, entries: [], repairs: [] };
  log.append([{ type: 'write', shard, write }], () => {});
}
