/** What a seed determines before the run: the cluster, its limits, its load and its faults. */

import { assertRaftLimits, RAFT_LIMITS, type RaftLimits } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import { assertLogLimits, type LogLimits } from '../../src/storage/limits.ts';
import { Buggify, type BuggifySite } from './buggify.ts';
import { FAULT_KINDS, type FaultKind, PROFILES, type Profile } from './profiles.ts';

/** Values of the command line or the shrinker that replace drawn ones. */
export interface Overrides {
  readonly nodes?: number;
  readonly shards?: number;
  readonly clients?: number;
  readonly seconds?: number;
  /** Fault kinds and buggify sites that are absent, besides those that the seed leaves out. */
  readonly without?: readonly string[];
}

export interface Plan {
  readonly profile: string;
  readonly seed: number;
  readonly nodes: number;
  readonly shards: number;
  readonly factor: number;
  readonly clients: number;
  readonly keys: number;
  readonly operationsPerSecond: number;
  readonly readShare: number;
  readonly paddingMax: number;
  readonly safetyMilliseconds: number;
  readonly limits: RaftLimits;
  readonly log: LogLimits;
  /** The log gets idle time every so many ticks. */
  readonly idleTicks: number;
  /** Present kinds with their intensity: 1 is often, 8 is rare. */
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly sites: ReadonlySet<BuggifySite>;
  readonly heal: 'repair' | 'core';
  readonly isLease: boolean;
  readonly isSafetyOnly: boolean;
  readonly isSlow: boolean;
  readonly isPausing: boolean;
  readonly checkpointEntries: number;
}

export function drawPlan(profile: string, seed: number, overrides: Overrides = {}): Plan {
  const shape = PROFILES[profile];
  if (shape === undefined) throw new RangeError(`no profile is called ${profile}`);
  const random = new Random(seed).fork(`plan ${profile}`);
  const nodes = overrides.nodes ?? between(random, 'nodes', shape.nodes);
  const without = new Set(overrides.without ?? []);
  const sites = Buggify.drawSites(random.fork('sites'));
  for (const site of sites) if (without.has(site)) sites.delete(site);
  const log = drawLogLimits(random.fork('log'));
  const seconds = overrides.seconds ?? between(random, 'seconds', shape.seconds);
  return {
    profile,
    seed,
    nodes,
    shards: overrides.shards ?? between(random, 'shards', shape.shards),
    factor: drawFactor(random.fork('factor'), nodes),
    clients: overrides.clients ?? between(random, 'clients', [1, 12]),
    keys: between(random, 'keys', [1, 20]),
    operationsPerSecond: between(random, 'rate', shape.rate),
    readShare: random.fork('reads').pick([0.1, 0.5, 0.9, 0.99]),
    paddingMax: random.fork('padding').pick([0, 0, 20, 200]),
    safetyMilliseconds: seconds * 1000,
    limits: drawLimits(random.fork('limits'), shape, log),
    log,
    idleTicks: random.fork('idle').pick([1, 1, 5, 20]),
    faults: drawFaults(random.fork('faults'), shape, without),
    sites,
    heal: shape.heal === 'either' ? random.fork('heal').pick(['repair', 'core']) : shape.heal,
    isLease: shape.isLease,
    isSafetyOnly: shape.isSafetyOnly,
    isSlow: shape.isSlow,
    isPausing: random.fork('pausing').chance(0.3),
    checkpointEntries: random.fork('checkpoint').pick([10, 50, 200]),
  };
}

function between(random: Random, label: string, range: readonly [number, number]): number {
  return random.fork(label).between(range[0], range[1]);
}

function drawFactor(random: Random, nodes: number): number {
  const factors = [1, 3, 3, 3, 5].filter((factor) => factor <= nodes);
  return nodes === 2 && random.chance(0.7) ? 2 : random.pick(factors);
}

function drawFaults(
  random: Random,
  shape: Profile,
  without: ReadonlySet<string>,
): Map<FaultKind, number> {
  const faults = new Map<FaultKind, number>();
  for (const kind of FAULT_KINDS) {
    const own = random.fork(kind);
    const isAllowed = shape.faults.includes(kind) && !without.has(kind);
    // Leaving kinds out lets the others have more effect (swarm testing: Groce et al. 2012).
    const isPresent = shape.always.includes(kind) || own.chance(0.5);
    const intensity = own.pick([1, 2, 4, 8]);
    if (isAllowed && isPresent) faults.set(kind, intensity);
  }
  return faults;
}

/** Small segments: they are switched, recycled and cleaned in every run. */
function drawLogLimits(random: Random): LogLimits {
  const segmentBytes = random.fork('segment').pick([65_536, 131_072, 262_144]);
  const batchBytesMax = Math.floor((segmentBytes - 8192) / 2);
  const limits = {
    segmentBytesMin: random.fork('segment min').pick([segmentBytes, segmentBytes / 4]),
    segmentBytes,
    batchBytesMax,
    cacheBytesMax: random.fork('cache').pick([1_000_000, 100_000, 20_000, 1000]),
    sparesMin: 2,
    sparesMax: random.fork('spares').pick([2, 3]),
    segmentsMin: random.fork('segments').pick([2, 4, 8]),
    moveBytesMax: random.fork('move').pick([512, Math.floor(batchBytesMax / 4)]),
    readBytesMax: random.fork('read').pick([500, 65_536]),
    lowBytesMin: 1,
    lowBytesMax: random.fork('low').pick([1, segmentBytes]),
    fullBytesMin: 1,
    fullBytesMax: 1,
    reserveBytesMax: random.fork('reserve').pick([1, segmentBytes]),
    reservePieceBytes: segmentBytes / 4,
  };
  assertLogLimits(limits);
  return limits;
}

/** A quarter of the limits is drawn from values that no user would set. */
function drawLimits(random: Random, shape: Profile, log: LogLimits): RaftLimits {
  const draw = (name: string, normal: number, extremes: readonly number[]): number => {
    const own = random.fork(name);
    return own.chance(0.25) ? own.pick(extremes) : normal;
  };
  const heartbeatTicks = draw('heartbeatTicks', 2, [1, 3]);
  const electionTicksMin = Math.max(3 * heartbeatTicks, draw('electionTicksMin', 10, [6, 20]));
  // All input of one turn is one write, and a write has to fit a batch of the log.
  const window = Math.floor(log.batchBytesMax / 2);
  const appendBytesMax = draw('appendBytesMax', Math.floor(window / 2), [1, 40, 300]);
  const inflightBytesMax = draw('inflightBytesMax', window, [1, 100, 1000]);
  const chunkBytesMax = draw('chunkBytesMax', RAFT_LIMITS.chunkBytesMax, [16, 64]);
  const tailEntries = draw('tailEntries', 100, [1, 5, 1000]);
  const silence = 2 * electionTicksMin + 1;
  const limits: RaftLimits = {
    ...RAFT_LIMITS,
    heartbeatTicks,
    electionTicksMin,
    electionTicksMax: shape.isSlow ? 150 : draw('electionTicksMax', 150, [electionTicksMin, 60]),
    delayWindowTicks: shape.isSlow ? 150 : draw('delayWindowTicks', 150, [10, 40]),
    leaseMilliseconds: (electionTicksMin - 1) * RAFT_LIMITS.tickMilliseconds,
    appendBytesMax,
    inflightBytesMax: Math.max(appendBytesMax, inflightBytesMax),
    inflightMessagesMax: draw('inflightMessagesMax', 256, [1, 2, 5]),
    committedBytesMax: draw('committedBytesMax', RAFT_LIMITS.committedBytesMax, [1, 100]),
    uncommittedBytesMax: draw('uncommittedBytesMax', RAFT_LIMITS.uncommittedBytesMax, [1, 200]),
    chunkBytesMax,
    chunkWindowBytesMax: chunkBytesMax * random.fork('chunk window').pick([1, 2, 4]),
    tailEntries,
    slowFollowerEntriesMax: Math.max(tailEntries, draw('slowFollower', 1000, [1, 20])),
    readsMax: draw('readsMax', RAFT_LIMITS.readsMax, [1, 3]),
    quiesceTicks: shape.isIdle ? silence : draw('quiesceTicks', 50, [silence]),
  };
  const sound = { ...limits, quiesceTicks: Math.max(limits.quiesceTicks, silence) };
  assertRaftLimits(sound);
  return sound;
}
