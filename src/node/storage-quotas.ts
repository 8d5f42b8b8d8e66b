/**
 * How much is stored where each user with a storage limit may write, and which requests would make
 * it too much. Replicas count, nodes tell each other, and the leader that serves a write refuses
 * it. While no user has such a limit, a request costs one comparison.
 */

import { type AccessTable, NO_ACCESS } from '../access/access-table.ts';
import { principalNamed } from '../access/principal.ts';
import type { StorageExcess, StorageLimits } from '../access/storage-limits.ts';
import { hash } from '../base/hash.ts';
import type { NodeId, ShardId } from '../base/ids.ts';
import { Writer } from '../base/message-pack.ts';
import { CATALOG_SHARD } from '../catalog/cluster-map.ts';
import { SECTION } from '../machine/section.ts';
import { type CountedRanges, type RangeBounds, sizeOf } from '../shard/range-count.ts';
import type { Responder } from '../shard/responder.ts';
import { StateDamage } from '../storage/state/state.ts';
import type { StoredCount } from '../wire/node-message.ts';
import { STORAGE_QUOTA_LIMITS } from './limits.ts';
import type { NodeState } from './node-state.ts';
import { RangeWalk } from './range-walk.ts';
import { excessOf, type Growth, growthOf, type StoredPart, UNREAD } from './storage-growth.ts';
import { StoredReports } from './stored-reports.ts';

type Node = Pick<
  NodeState,
  'map' | 'wall' | 'now' | 'store' | 'replicas' | 'peers' | 'isHeard' | 'tellLater'
>;

/** What is stored where a user may write, as far as one node knows. */
export interface StorageUseInfo extends StorageLimits {
  readonly user: string;
  readonly usedKeys: number;
  readonly usedBytes: number;
  /** Every shard is counted; otherwise it is at least as much. */
  readonly isComplete: boolean;
  /** Requests that this node has refused. */
  readonly refused: number;
}

interface Limited {
  readonly limits: StorageLimits;
  readonly id: number;
}

interface Use extends Growth {
  isComplete: boolean;
}

export class StorageQuotas {
  readonly #node: Node;
  readonly #walk: RangeWalk;
  readonly #reports = new StoredReports();
  #known: Pick<AccessTable, 'version' | 'isHidden' | 'isEnabled'> = NO_ACCESS;
  /** By the name of the user. */
  #limited: ReadonlyMap<string, Limited> = new Map();
  /** One for all users that may write the same ranges. */
  #counted: readonly CountedRanges[] = [];
  readonly #refused = new Map<string, number>();
  /** By ranges, as of this tick, and with what was admitted since. */
  readonly #uses = new Map<number, Use>();
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Where the next message begins, if there is more to tell than one has room for. */
  #toldThrough = 0;

  constructor(node: Node) {
    this.#node = node;
    this.#walk = new RangeWalk(node);
  }

  /** The map may have changed. Limits hold with access control only. */
  learn(): void {
    const table = this.#node.map?.access ?? NO_ACCESS;
    const { version, isHidden, isEnabled } = table;
    const known = this.#known;
    if (version === known.version && isHidden === known.isHidden && isEnabled === known.isEnabled)
      return;
    // A node that has just joined gets the limits from a peer.
    if (isHidden) return;
    this.#known = { version, isHidden, isEnabled };
    const limited = new Map<string, Limited>();
    const counted = new Map<number, CountedRanges>();
    for (const { user, ...limits } of isEnabled ? table.storageLimited : []) {
      const ranges = principalNamed(table, { user, expiresAt: 0 }, 0)?.ranges.write ?? [];
      const id = idOf(ranges);
      counted.set(id, { id, ranges });
      limited.set(user, { limits, id });
    }
    this.#limited = limited;
    this.#counted = [...counted.values()];
    for (const user of this.#refused.keys()) if (!limited.has(user)) this.#refused.delete(user);
    this.#uses.clear();
  }

  tick(): void {
    this.learn();
    this.#uses.clear();
    for (const replica of this.#node.replicas.all) {
      if (replica.shard !== CATALOG_SHARD) replica.counts.want(this.#counted);
    }
    if (this.#counted.length === 0) return;
    this.#walk.tick();
    const { now } = this.#node;
    if (now - this.#toldAt < STORAGE_QUOTA_LIMITS.tellMilliseconds) return;
    this.#toldAt = now;
    this.#reports.tidy((id) => this.#counted.some((one) => one.id === id), now);
    this.#tell();
  }

  /** A peer has counted these. It may know of other limits. */
  told(from: NodeId, counts: readonly StoredCount[]): void {
    const { map, now } = this.#node;
    for (const count of counts) {
      const isKnown = this.#counted.some(({ id }) => id === count.id);
      if (isKnown && map?.shards[count.shard] !== undefined) this.#reports.take(count, from, now);
    }
  }

  /**
   * Why the request may not be served: it is asked at the leader that serves it, before anything is
   * proposed. What does not grow passes, as far as this node can tell: it reads what the request
   * replaces in the shards that are led here.
   */
  objectionTo(
    { isClient, principal }: Responder,
    partsOf: () => readonly StoredPart[],
  ): StorageExcess | undefined {
    if (this.#limited.size === 0 || isClient !== true || principal === undefined) return undefined;
    const limited = this.#limited.get(principal.user);
    if (limited === undefined) return undefined;
    const { limits, id } = limited;
    const parts = partsOf();
    const atMost = growthOf(parts, UNREAD);
    const known = this.#uses.get(id) ?? this.#useOf(id);
    if (excessOf(limits, known, atMost) === undefined) {
      this.#uses.set(id, plus(known, atMost));
      return undefined;
    }
    const growth = growthOf(parts, (shard, key) => this.#sizeOf(shard, key));
    const excess = excessOf(limits, this.#useOf(id), growth);
    if (excess !== undefined) {
      this.#refused.set(principal.user, (this.#refused.get(principal.user) ?? 0) + 1);
    }
    return excess;
  }

  infos(): readonly StorageUseInfo[] {
    return [...this.#limited].map(([user, { limits, id }]) => {
      const { keys: usedKeys, bytes: usedBytes, isComplete } = this.#useOf(id);
      const refused = this.#refused.get(user) ?? 0;
      return { user, ...limits, usedKeys, usedBytes, isComplete, refused };
    });
  }

  /** Of every shard the newest count: that of a replica here, or one that a peer has told. */
  #useOf(id: number): Use {
    const { map, replicas } = this.#node;
    const use = { keys: 0, bytes: 0, isComplete: true };
    for (let shard = 1; shard < (map?.shards.length ?? 0); shard++) {
      const replica = replicas.get(shard as ShardId);
      const own = replica?.counts.of(id);
      const told = this.#reports.of(id, shard as ShardId);
      const isNewest = told === undefined || (replica?.applied ?? 0) >= told.index;
      const newest = own?.isComplete === true && isNewest ? own : (told ?? own);
      use.keys += newest?.keys ?? 0;
      use.bytes += newest?.bytes ?? 0;
      if (newest === undefined || (newest === own && !own.isComplete)) use.isComplete = false;
    }
    return use;
  }

  #sizeOf(shard: ShardId, key: Uint8Array): number | undefined {
    const { replicas, store } = this.#node;
    if (replicas.get(shard)?.isLeader !== true) return undefined;
    try {
      const row = store.get(shard, SECTION.values, key);
      return row === undefined ? 0 : sizeOf(key, row);
    } catch (error) {
      // The apply of the request reports it.
      if (error instanceof StateDamage) return undefined;
      throw error;
    }
  }

  #tell(): void {
    const { peers, replicas } = this.#node;
    const all: StoredCount[] = [];
    for (const { shard, applied, counts, isCorrupt } of replicas.all) {
      for (const { counted, isComplete, keys, bytes } of isCorrupt ? [] : counts.all) {
        if (isComplete) all.push({ shard, id: counted.id, index: applied, keys, bytes });
      }
    }
    const from = this.#toldThrough < all.length ? this.#toldThrough : 0;
    const counts = all.slice(from, from + STORAGE_QUOTA_LIMITS.toldCountsMax);
    this.#toldThrough = from + counts.length;
    if (counts.length === 0) return;
    for (const peer of peers.nodes) {
      if (this.#node.isHeard(peer)) this.#node.tellLater(peer, { type: 'stored', counts });
    }
  }
}

function plus(use: Use, growth: Growth): Use {
  return { ...use, keys: use.keys + growth.keys, bytes: use.bytes + growth.bytes };
}

/** Equal on all nodes for the same ranges: 52 bits, so that no two of a few dozen are equal. */
function idOf(ranges: readonly RangeBounds[]): number {
  const writer = new Writer();
  for (const { from, to } of ranges) {
    writer.bytes(from);
    writer.bytes(to);
  }
  const bytes = writer.take();
  return hash(bytes, ID_SEEDS.high) * 2 ** 20 + (hash(bytes, ID_SEEDS.low) & 0xfffff);
}

const ID_SEEDS = { high: 0x7374_6f72, low: 0x7175_6f74 } as const;
