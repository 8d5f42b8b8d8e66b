/** What the world knows of members: where each is, and which are lost for good. */

import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import { type Configuration, membersOf } from '../../src/raft/configuration.ts';
import type { ReplicaImage } from './image.ts';

export class Registry {
  readonly #nodes = new Map<MemberId, number>();
  readonly #random: Random;
  readonly #impaired = new Map<MemberId, ShardId>();
  readonly #ghosts = new Map<MemberId, ReplicaImage>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** A member id of 52 random bits: a new life in a shard. */
  create(node: number): MemberId {
    const member = (this.#random.below(2 ** 20) * 2 ** 32 + this.#random.word() || 1) as MemberId;
    this.#nodes.set(member, node);
    return member;
  }

  nodeOf(member: MemberId): number | undefined {
    return this.#nodes.get(member);
  }

  nodesOf(configuration: Configuration): number[] {
    return membersOf(configuration).flatMap((member) => this.#nodes.get(member) ?? []);
  }

  /** Lost its disk or its votes: it has to be replaced. */
  impair(shard: ShardId, member: MemberId): void {
    this.#impaired.set(member, shard);
  }

  isImpaired(member: MemberId): boolean {
    return this.#impaired.has(member);
  }

  impairedOf(shard: ShardId): MemberId[] {
    return [...this.#impaired].flatMap(([member, of]) => (of === shard ? [member] : []));
  }

  /** What a replica had on disk before it was destroyed: its acknowledgements were counted. */
  bury(image: ReplicaImage): void {
    this.#ghosts.set(image.member, image);
  }

  ghostOf(member: MemberId): ReplicaImage | undefined {
    return this.#ghosts.get(member);
  }
}
