/** The newest map of the cluster that this node has seen, and values derived from it. */

import type { MemberId, NodeId, ShardId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import type { ClusterMap } from '../catalog/cluster-map.ts';
import { decodeMap, encodeMap, encodeMapForClients } from '../catalog/map-bytes.ts';
import { memberOn, nodeOf } from '../catalog/questions.ts';

interface MapCacheOptions {
  readonly bytes: Uint8Array;
  /** A newer map arrived: see `takeChange`. */
  readonly onWork: () => void;
}

export interface MapChange {
  readonly map: ClusterMap;
  readonly before: ClusterMap | undefined;
}

export class MapCache {
  readonly #onWork: () => void;
  #map: ClusterMap | undefined;
  #bytes = NO_BYTES;
  #clientBytes = NO_BYTES;
  /** The map at the last `takeChange`. */
  #taken: ClusterMap | undefined;

  constructor({ bytes, onWork }: MapCacheOptions) {
    this.#onWork = onWork;
    this.#map = bytes.length > 0 ? decodeMap(bytes, undefined) : undefined;
    if (this.#map !== undefined) this.#bytes = bytes;
    this.#taken = this.#map;
  }

  get map(): ClusterMap | undefined {
    return this.#map;
  }

  /** The whole map, encoded once for each version. */
  get bytes(): Uint8Array {
    if (this.#bytes.length === 0 && this.#map !== undefined) this.#bytes = encodeMap(this.#map, 0);
    return this.#bytes;
  }

  /** The same for clients: without users, tokens and roles. */
  get clientBytes(): Uint8Array {
    const map = this.#map;
    if (map?.access === undefined) return this.bytes;
    if (this.#clientBytes.length === 0) this.#clientBytes = encodeMapForClients(map);
    return this.#clientBytes;
  }

  /**
   * What peers are told that this node has. It needs all of a map that it knows from the clients'
   * door alone.
   */
  get version(): number {
    return this.#map === undefined || this.#map.access?.isHidden === true ? 0 : this.#map.version;
  }

  /** The difference for a node with that version; undefined if it is current. */
  since(version: number): Uint8Array | undefined {
    if (this.#map === undefined || this.#map.version <= version) return undefined;
    return version === 0 ? this.bytes : encodeMap(this.#map, version);
  }

  /**
   * From another node. False if it is not plausible: a version far ahead needs several witnesses.
   */
  take(bytes: Uint8Array, isPlausible = (version: number) => this.#isNear(version)): boolean {
    const map = decodeMap(bytes, this.#map);
    if (map === undefined || !isPlausible(map.version)) return false;
    this.learn(map);
    return true;
  }

  #isNear(version: number): boolean {
    return version - (this.#map?.version ?? version) <= CATALOG_LIMITS.mapStepMax;
  }

  learn(map: ClusterMap): void {
    const known = this.#map;
    const isRest = known?.access?.isHidden === true && map.access?.isHidden === false;
    if (known !== undefined && map.version < known.version + (isRest ? 0 : 1)) return;
    this.#map = map;
    this.#bytes = NO_BYTES;
    this.#clientBytes = NO_BYTES;
    this.#onWork();
  }

  /** `takeChange` would return a change. */
  get hasChange(): boolean {
    return this.#map !== this.#taken;
  }

  /** The newer map since the last call, and the one before it. */
  takeChange(): MapChange | undefined {
    const [map, before] = [this.#map, this.#taken];
    if (map === undefined || map === before) return undefined;
    this.#taken = map;
    return { map, before };
  }

  nodeOf(shard: ShardId, member: MemberId): NodeId | undefined {
    const row = this.#map?.shards[shard];
    return row === undefined ? undefined : nodeOf(row, member);
  }

  memberOn(shard: ShardId, node: NodeId): MemberId | undefined {
    const row = this.#map?.shards[shard];
    return row === undefined ? undefined : memberOn(row, node)?.member;
  }
}
