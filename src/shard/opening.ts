/** A replica comes to life from what the log and the state store of its node hold. */

import { type MemberId, NOBODY, type ShardId } from '../base/ids.ts';
import type { RaftLimits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { Configuration, PlacedConfiguration } from '../raft/configuration.ts';
import type { SnapshotDescription } from '../raft/message.ts';
import { ORIGIN } from '../raft/position.ts';
import { Raft } from '../raft/raft.ts';
import type { Log, RestoredReplica } from '../storage/log.ts';
import { StateDamage } from '../storage/state.ts';
import { LogTime } from './log-time.ts';
import { Replica, type ReplicaHost } from './replica.ts';
import type { ShardMachine } from './shard-machine.ts';
import { soundSnapshots } from './sound-snapshots.ts';

export interface OpeningOptions {
  readonly host: ReplicaHost;
  readonly log: Log;
  readonly random: Random;
  readonly limits: RaftLimits;
  /** The wall clock in milliseconds: where the time of a shard without history begins. */
  readonly wall: number;
  readonly machineOf: (shard: ShardId) => ShardMachine;
}

/**
 * The replica, or why there can be none: then its member is lost, and nothing of it may be used.
 *
 * The log is the truth and the state follows it; there are three ways in which they can differ.
 * A state without a beginning: the log has everything, and the machine starts from nothing. A state
 * behind what the log has forgotten: it was lost, and only others can give it back. A state that
 * the log does not reach: a snapshot became the state and the process died before the log was
 * restarted behind it, so that is done now.
 */
export function openReplica(
  { shard, found }: { readonly shard: ShardId; readonly found: RestoredReplica },
  options: OpeningOptions,
): Replica | string {
  const { host, log, limits } = options;
  const { store } = host;
  if (!store.shards.includes(shard)) {
    if (found.log.base.index > 0) return 'its state is gone, and the log begins behind it';
    store.create(shard, (found.configurations[0] as PlacedConfiguration).configuration);
  }
  const state = store.description(shard);
  if (state.index < found.log.base.index) return 'its state is older than where the log begins';
  const restored = reaches(found, state) ? found : restarted(found, state);
  if (restored !== found) record(shard, { log, restored, state });
  const machine = machineOrNone(shard, options);
  const raft = new Raft({
    shard,
    self: restored.member,
    limits,
    random: options.random.fork(`raft ${shard}`),
    entries: log.reader(shard),
    snapshots: soundSnapshots(shard, store),
    restored: { ...restored, applied: state.index },
  });
  const isGuess = machine.time === 0;
  const time = new LogTime({ time: machine.time || options.wall, now: host.now, isGuess });
  const replica = new Replica({ host, shard, member: restored.member, raft, machine, time });
  if (machine === NO_MACHINE || store.isDamaged(shard)) replica.spoil();
  return replica;
}

/** For a replica whose state is damaged: it votes and keeps its log, and applies nothing. */
const NO_MACHINE: ShardMachine = {
  time: 0,
  prepared: undefined,
  removals: undefined,
  apply: () => 'unknown',
  reload() {},
};

function machineOrNone(shard: ShardId, { machineOf }: OpeningOptions): ShardMachine {
  try {
    return machineOf(shard);
  } catch (error) {
    if (!(error instanceof StateDamage)) throw error;
    return NO_MACHINE;
  }
}

/** What is known of a replica that has just been created. */
export function newborn(member: MemberId, configuration: Configuration): RestoredReplica {
  return {
    member,
    hardState: { term: 0, vote: NOBODY, commit: 0 },
    log: { base: ORIGIN, runs: [], lastIndex: 0, damaged: [] },
    configurations: [{ at: ORIGIN, configuration }],
    mayVote: true,
  };
}

/** The log has the very entry that the state ends with, or begins right behind it. */
function reaches({ log }: RestoredReplica, state: SnapshotDescription): boolean {
  if (state.index === log.base.index) return state.term === log.base.term;
  if (state.index > log.lastIndex) return false;
  const run = log.runs.findLast(({ index }) => index <= state.index);
  return run?.term === state.term;
}

/** As the write would have left it that was lost. */
function restarted(found: RestoredReplica, state: SnapshotDescription): RestoredReplica {
  const { index, configuration, configurationAt } = state;
  const term = Math.max(found.hardState.term, state.term);
  const vote = term === found.hardState.term ? found.hardState.vote : NOBODY;
  return {
    ...found,
    hardState: { term, vote, commit: index },
    log: { base: { index, term: state.term }, runs: [], lastIndex: index, damaged: [] },
    configurations: [{ at: configurationAt, configuration }],
  };
}

interface Restart {
  readonly log: Log;
  readonly restored: RestoredReplica;
  readonly state: SnapshotDescription;
}

/** Nobody waits for it: lost once more, it is made once more. */
function record(shard: ShardId, { log, restored, state }: Restart): void {
  const mark = { number: 0, position: restored.log.base };
  const { hardState } = restored;
  const write = { mark, hardState, snapshot: state, entries: [], repairs: [] };
  log.append([{ type: 'write', shard, write }], () => {});
}
