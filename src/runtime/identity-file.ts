/** The identity file of a data folder, read before anything else is opened. */

import type { NodeId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import type { Settings } from '../catalog/cluster-map.ts';

export interface StoredIdentity {
  /** Sixteen random bytes, chosen when the folder was created. */
  readonly joinToken: Uint8Array;
  /** Empty until the catalog has assigned the node its number. */
  readonly cluster: string;
  readonly node: NodeId;
  /** The log was opened before: an empty log now means that it was lost. */
  readonly hasLived: boolean;
  /**
   * The settings with which this node founds the cluster. Stored so that an interrupted founder
   * continues at its next start.
   */
  readonly founding: Settings | undefined;
}

const FORMAT = 2;
const TOKEN_BYTES = 16;
const CLUSTER_BYTES_MAX = 64;

export function encodeIdentity(stored: StoredIdentity): Uint8Array {
  const { joinToken, cluster, node, hasLived, founding } = stored;
  const writer = new Writer();
  writer.array(7);
  writer.count(FORMAT);
  writer.bytes(joinToken);
  writer.bytes(new TextEncoder().encode(cluster));
  writer.count(node);
  writer.truth(hasLived);
  writer.count(founding?.shards ?? 0);
  writer.count(founding?.replicas ?? 0);
  return writer.take();
}

/** Undefined if the bytes are invalid or of a later version. */
export function decodeIdentity(bytes: Uint8Array): StoredIdentity | undefined {
  const reader = new Reader(bytes);
  reader.tuple(7);
  if (reader.count() !== FORMAT) return undefined;
  const joinToken = reader.bytes(TOKEN_BYTES);
  const cluster = new TextDecoder().decode(reader.bytes(CLUSTER_BYTES_MAX));
  const node = reader.count() as NodeId;
  const hasLived = reader.truth();
  const shards = reader.count();
  const replicas = reader.count();
  const isFounder = shards > 0 && replicas > 0;
  const isWithin = shards <= CATALOG_LIMITS.shardsMax && replicas <= CATALOG_LIMITS.replicasMax;
  if (!isWithin || (!isFounder && shards + replicas > 0)) return undefined;
  if (reader.isBroken || reader.left > 0 || joinToken.length !== TOKEN_BYTES) return undefined;
  const founding = isFounder ? { shards, replicas } : undefined;
  return { joinToken, cluster, node, hasLived, founding };
}
