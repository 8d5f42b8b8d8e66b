/** How much may be broken for good: never more than every possible quorum can bear. */

import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { Invariants } from './invariants.ts';
import type { Registry } from './registry.ts';

export class Atlas {
  readonly #invariants: Invariants;
  readonly #registry: Registry;
  /** Damage that has not been repaired counts as well. */
  readonly #damagedOf: (shard: ShardId) => readonly MemberId[];
  readonly #blockedUntil = new Map<ShardId, number>();

  constructor(options: {
    readonly invariants: Invariants;
    readonly registry: Registry;
    readonly damagedOf: (shard: ShardId) => readonly MemberId[];
  }) {
    this.#invariants = options.invariants;
    this.#registry = options.registry;
    this.#damagedOf = options.damagedOf;
  }

  /** A change was ordered and may be under way unseen. */
  block(shard: ShardId, until: number): void {
    this.#blockedUntil.set(shard, Math.max(until, this.#blockedUntil.get(shard) ?? 0));
  }

  /** Whether every configuration that could count still has a sound majority without `member`. */
  canLose(shard: ShardId, member: MemberId, now: number): boolean {
    if ((this.#blockedUntil.get(shard) ?? 0) > now) return false;
    const broken = new Set([
      member,
      ...this.#registry.impairedOf(shard),
      ...this.#damagedOf(shard),
    ]);
    const truth = this.#invariants.truthOf(shard);
    const possible = truth.possibleConfigurations();
    if (possible.length === 0) return false;
    return possible.every(({ configuration }) =>
      [configuration.voters, configuration.outgoing].every((voters) => {
        const lost = voters.filter((voter) => broken.has(voter)).length;
        return lost <= Math.max(0, Math.floor((voters.length - 1) / 2));
      }),
    );
  }
}
