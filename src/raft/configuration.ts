/** The members of a shard: voters, learners, and the joint form between two sets (§6). */

import { assert, present } from '../base/assert.ts';
import { isCount, type MemberId } from '../base/ids.ts';
import { RAFT_LIMITS } from '../base/limits.ts';
import type { Position } from './position.ts';

/** Members are listed in rising order. */
export interface Configuration {
  readonly voters: readonly MemberId[];
  /** The old voters during a change; empty otherwise. */
  readonly outgoing: readonly MemberId[];
  /** They receive every entry and count for no quorum. */
  readonly learners: readonly MemberId[];
}

/** The configuration that a caller wants. */
export interface Target {
  readonly voters: readonly MemberId[];
  readonly learners: readonly MemberId[];
}

/** A newly created member knows no member, itself included. */
export const NO_CONFIGURATION: Configuration = { voters: [], outgoing: [], learners: [] };

export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing.length > 0;
}

export function isVoter(configuration: Configuration, member: MemberId): boolean {
  return configuration.voters.includes(member) || configuration.outgoing.includes(member);
}

export function isMember(configuration: Configuration, member: MemberId): boolean {
  return isVoter(configuration, member) || configuration.learners.includes(member);
}

/** Each member once, in rising order. */
export function membersOf(configuration: Configuration): MemberId[] {
  const { voters, outgoing, learners } = configuration;
  return rising([...voters, ...outgoing, ...learners]);
}

/** Why no correct leader can have written this configuration; undefined if one can. */
export function faultOfConfiguration(configuration: Configuration): string | undefined {
  const { voters, outgoing, learners } = configuration;
  if (voters.length === 0) return 'a configuration without voters';
  for (const list of [voters, outgoing, learners]) {
    if (list.length > RAFT_LIMITS.membersMax) return 'a configuration beyond its limit';
    for (let at = 0; at < list.length; at++) {
      const member = list[at];
      if (!isCount(member) || member === 0) return 'an impossible member id';
      if (at > 0 && (list[at - 1] ?? 0) >= member) return 'a configuration out of order';
    }
  }
  if (voters.some((voter) => learners.includes(voter))) return 'a voter that is a learner';
  return undefined;
}

/** The next configuration on the way to the target: joint if the voters differ. */
export function towards(current: Configuration, target: Target): Configuration {
  assert(!isJoint(current), 'one change at a time');
  const voters = rising(target.voters);
  const isSame =
    voters.length === current.voters.length && voters.every((v) => isVoter(current, v));
  const outgoing = isSame ? [] : current.voters;
  return { voters, outgoing, learners: rising(target.learners) };
}

/** Out of the joint form: the new voters alone. */
export function settled(joint: Configuration): Configuration {
  return { voters: joint.voters, outgoing: [], learners: joint.learners };
}

export interface PlacedConfiguration {
  readonly at: Position;
  readonly configuration: Configuration;
}

/**
 * Every configuration in the log, oldest first. The newest is in force; when the tail of the log is
 * cut, the one before it is again.
 */
export class Configurations {
  readonly #placed: PlacedConfiguration[];

  /** Invariant: never empty, indexes rise; the first one was in force at the log's base. */
  constructor(placed: readonly PlacedConfiguration[]) {
    assert(placed.length > 0, 'a log always has a configuration');
    this.#placed = [...placed];
  }

  get newest(): PlacedConfiguration {
    return present(this.#placed[this.#placed.length - 1], 'a log always has a configuration');
  }

  get all(): readonly PlacedConfiguration[] {
    return this.#placed;
  }

  add(placed: PlacedConfiguration): void {
    assert(placed.at.index > this.newest.at.index, 'configurations follow each other');
    this.#placed.push(placed);
  }

  /**
   * The log was cut: entries from `index` on are gone. Returns whether a configuration was among
   * them.
   */
  cutFrom(index: number): boolean {
    let isReverted = false;
    while (this.#placed.length > 1 && this.newest.at.index >= index) {
      this.#placed.pop();
      isReverted = true;
    }
    return isReverted;
  }

  /** The log now begins after `base`: drops configurations before the one in force there. */
  forgetBefore(base: number): void {
    while (this.#placed.length > 1 && present(this.#placed[1], 'two are left').at.index <= base) {
      this.#placed.shift();
    }
  }

  /** The configuration in force at `index`, which the log still covers. */
  at(index: number): PlacedConfiguration {
    const found = this.#placed.findLast((placed) => placed.at.index <= index);
    return present(found, 'the log covers the index');
  }

  restart(placed: PlacedConfiguration): void {
    this.#placed.splice(0, this.#placed.length, placed);
  }
}

function rising(members: readonly MemberId[]): MemberId[] {
  return [...new Set(members)].sort((one, other) => one - other);
}
