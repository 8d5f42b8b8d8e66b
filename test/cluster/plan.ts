/** The plan of a seed: drawn before the run, and printed after a failure. */

import { RAFT_LIMITS, type RaftLimits } from '../../src/base/limits.ts';
import type { Random } from '../../src/base/random.ts';
import type { Profile } from './profile.ts';

export interface ClusterPlan {
  readonly profile: Profile;
  readonly nodes: number;
  readonly shards: number;
  readonly customers: number;
  readonly keys: number;
  /** How long there are faults, in virtual milliseconds. */
  readonly faultMilliseconds: number;
  readonly limits: RaftLimits;
  /** Customers that set thousands of rows, so that snapshots are long. */
  readonly hasManyRows: boolean;
  /** Customers with hundreds of requests at once. */
  readonly hasBursts: boolean;
  /** No fault: disks, processors and links are slow, and leaders have to stay in office. */
  readonly isSlow: boolean;
  /**
   * `repaired`: everything comes back, grows to its full size and becomes idle. `majority`: of
   * every shard a majority comes back, and all others are cut off for ever; as `repaired` if no
   * shard can spare a node.
   */
  readonly ending: 'repaired' | 'majority';
  /** Whether access control is enabled, and users come and go. */
  readonly isGuarded: boolean;
  /** Whether the catalog loses its majority for a while after the repair. */
  readonly losesCatalog: boolean;
  /** Whether the run waits until the sessions of all customers are forgotten. */
  readonly forgets: boolean;
  /** Memory of each node for the changes of its shards. */
  readonly historyBytesMax: number;
  /** By customer: how fast its clock runs. */
  readonly rates: readonly number[];
  /** Whether all clocks keep the bound on which the safety of locks rests. */
  readonly isDriftBounded: boolean;
}

const KIB = 1024;

/** The bytes of one batch of a small log. */
const SMALL = {
  ...RAFT_LIMITS,
  appendBytesMax: 32 * KIB,
  inflightBytesMax: 128 * KIB,
  committedBytesMax: 64 * KIB,
  uncommittedBytesMax: 128 * KIB,
};

/** Extremes: windows of a few entries, logs without a tail, snapshots in many pieces. */
const NARROW = {
  ...SMALL,
  inflightMessagesMax: 4,
  appendBytesMax: 2 * KIB,
  inflightBytesMax: 40 * KIB,
  committedBytesMax: 4 * KIB,
  uncommittedBytesMax: 2 * KIB,
  chunkBytesMax: KIB,
  chunkWindowBytesMax: 3 * KIB,
  logKeptBytesMax: 24 * KIB,
  logTransferBytesMax: 48 * KIB,
  tailEntries: 4,
  slowFollowerEntriesMax: 32,
};

/** More shards than a node sends or receives snapshots of at once. */
const MANY_SHARDS = [16, 32, 64];
const MANY_SHARDS_CHANCE = 0.12;
const MANY_ROWS_CHANCE = 0.25;
const SLOW_CHANCE = 0.12;
const WIDE_DRIFT_CHANCE = 0.1;
const GUARDED_CHANCE = 0.3;

const FEW_SHARDS = {
  cluster: [1, 2, 4, 8],
  txn: [2, 4, 4, 8],
  watch: [1, 2, 4, 4],
  locks: [1, 2, 4, 4],
} as const;
/** Nodes have clocks of 0.9 to 1.1; the rates of two clocks differ by 1.25 at most. */
const RATES = { bounded: [0.9, 1, 1, 1.1], wide: [0.5, 1, 1.6] } as const;

export function drawPlan(random: Random, profile: Profile): ClusterPlan {
  const nodes = random.pick([1, 2, 3, 3, 3, 4, 5]);
  const few = random.pick(FEW_SHARDS[profile]);
  const [shards, rows] = [random.fork('shards'), random.fork('rows')];
  const isSlow = random.fork('slow').chance(SLOW_CHANCE);
  const drawn = random.fork('coordination');
  const isDriftBounded = !drawn.chance(WIDE_DRIFT_CHANCE);
  const isTimed = profile === 'watch' || profile === 'locks';
  const rates = isDriftBounded ? RATES.bounded : RATES.wide;
  const customers = profile === 'cluster' ? random.between(2, 6) : random.between(3, 10);
  return {
    profile,
    nodes,
    shards: shards.chance(MANY_SHARDS_CHANCE) ? shards.pick(MANY_SHARDS) : few,
    hasManyRows: rows.chance(MANY_ROWS_CHANCE),
    customers,
    historyBytesMax: drawn.pick([2, 16, 64, 1024, 1024]) * KIB,
    rates: Array.from({ length: customers }, () => (isTimed ? drawn.pick(rates) : 1)),
    isDriftBounded,
    keys: random.pick([1, 3, 10]),
    faultMilliseconds: random.between(5000, 40_000),
    limits: random.pick([SMALL, NARROW]),
    hasBursts: random.chance(0.3),
    isSlow,
    ending: random.chance(0.3) ? 'majority' : 'repaired',
    isGuarded: random.fork('access').chance(GUARDED_CHANCE),
    losesCatalog: random.chance(0.3),
    forgets: random.chance(0.1),
  };
}
