/** How much may be broken for good: never more than every possible quorum tolerates. */

import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { Invariants } from './invariants.ts';
import type { Registry } from './registry.ts';

/** How long an order may take until it shows in some log: nodes may be paused. */
const ORDER_MILLISECONDS = 40_000;

export class Atlas {
  readonly #invariants: Invariants;
  readonly #registry: Registry;
  /** Damage that has not been repaired counts as well. */
  readonly #damagedOf: (shard: ShardId) => readonly MemberId[];
  readonly #isArbitrary: boolean;
  readonly #blockedUntil = new Map<ShardId, number>();

  constructor(options: {
    readonly invariants: Invariants;
    readonly registry: Registry;
    readonly damagedOf: (shard: ShardId) => readonly MemberId[];
    /** There is no bound: any number of disks may break. */
    readonly isArbitrary: boolean;
  }) {
    this.#invariants = options.invariants;
    this.#registry = options.registry;
    this.#damagedOf = options.damagedOf;
    this.#isArbitrary = options.isArbitrary;
  }

  /** A change was ordered and may be in progress without being visible. */
  block(shard: ShardId, now: number): void {
    this.#blockedUntil.set(shard, now + ORDER_MILLISECONDS);
  }

  /** Whether every configuration that could count still has a sound majority without `member`. */
  canLose(shard: ShardId, member: MemberId, now: number): boolean {
    if (this.#isArbitrary) return true;
    if ((this.#blockedUntil.get(shard) ?? 0) > now) return false;
    const possible = this.#invariants.truthOf(shard).possibleConfigurations();
    if (possible.length === 0) return false;
    return possible.every(
      ({ configuration }) =>
        this.bears(shard, configuration.voters, member) &&
        this.bears(shard, configuration.outgoing, member),
    );
  }

  /** Whether enough of these voters are sound if `member` breaks as well. */
  bears(shard: ShardId, voters: readonly MemberId[], member?: MemberId): boolean {
    const broken = new Set([...this.#registry.impairedOf(shard), ...this.#damagedOf(shard)]);
    const lost = voters.filter((voter) => voter === member || broken.has(voter)).length;
    return lost <= Math.max(0, Math.floor((voters.length - 1) / 2));
  }
}
