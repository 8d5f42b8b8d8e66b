/** The configurable times of a node: the bounds of each setting, and their relations. */

import { assertRaftLimits, RAFT_LIMITS, type RaftLimits } from './limits.ts';

/**
 * Settings of one node; nodes of one cluster may differ. Election timeouts follow observed delays
 * between the two bounds. The length of a read lease is not configurable.
 */
export interface Timing {
  /** The unit of a node's time. Leaders send a heartbeat every second tick. */
  readonly tickMilliseconds: number;
  /** The minimal time that a follower waits for its leader. */
  readonly electionMilliseconds: number;
  /** The maximal time, where disks, processors or networks are slow. */
  readonly electionMillisecondsMax: number;
}

export const TIMING_DEFAULT: Timing = {
  tickMilliseconds: RAFT_LIMITS.tickMilliseconds,
  electionMilliseconds: RAFT_LIMITS.electionTicksMin * RAFT_LIMITS.tickMilliseconds,
  electionMillisecondsMax: RAFT_LIMITS.electionTicksMax * RAFT_LIMITS.tickMilliseconds,
};

export const TIMING_BOUNDS = {
  tickMilliseconds: { min: 5, max: 500 },
  electionMilliseconds: { min: 200, max: 10_000 },
  electionMillisecondsMax: { min: 1000, max: 60_000 },
} as const;

/** Ticks in the shortest timeout: three heartbeats have to fit, and some of them may be late. */
const ELECTION_TICKS = 10;

/** Why these settings are inconsistent; undefined if they are consistent. */
export function faultOfTiming(timing: Timing): string | undefined {
  const { tickMilliseconds, electionMilliseconds, electionMillisecondsMax } = timing;
  if (electionMilliseconds < ELECTION_TICKS * tickMilliseconds) {
    const least = ELECTION_TICKS * tickMilliseconds;
    return (
      `electionMilliseconds is ${electionMilliseconds}, must be at least ${least}: ` +
      `${ELECTION_TICKS} times tickMilliseconds`
    );
  }
  if (electionMillisecondsMax < electionMilliseconds) {
    return (
      `electionMillisecondsMax is ${electionMillisecondsMax}, must be at least ` +
      `${electionMilliseconds}: electionMilliseconds`
    );
  }
  return undefined;
}

/** Required: the settings are within their bounds and consistent. */
export function raftLimitsFor(timing: Timing): RaftLimits {
  const { tickMilliseconds, electionMilliseconds, electionMillisecondsMax } = timing;
  const electionTicksMin = Math.ceil(electionMilliseconds / tickMilliseconds);
  const windowMilliseconds = RAFT_LIMITS.delayWindowTicks * RAFT_LIMITS.tickMilliseconds;
  const limits: RaftLimits = {
    ...RAFT_LIMITS,
    tickMilliseconds,
    electionTicksMin,
    electionTicksMax: Math.ceil(electionMillisecondsMax / tickMilliseconds),
    delayWindowTicks: Math.ceil(windowMilliseconds / tickMilliseconds),
    quiesceTicks: Math.max(RAFT_LIMITS.quiesceTicks, 2 * electionTicksMin + 1),
  };
  assertRaftLimits(limits);
  return limits;
}
