/** What a data folder knows of its node before anything else is opened: whose it is. */

import type { NodeId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import type { Settings } from '../catalog/cluster-map.ts';

export interface StoredIdentity {
  /** Sixteen random bytes, drawn when the folder was made. */
  readonly joinToken: Uint8Array;
  /** Empty until the catalog has given the node its number. */
  readonly cluster: string;
  readonly node: NodeId;
  /** The log was opened once: from then on an empty one means that it was lost. */
  readonly hasLived: boolean;
  /**
   * Of the node that founds the cluster: with what settings. Kept, so that a founder that ended
   * early goes on at its next start, and so that no other node ever founds.
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

/** Undefined for bytes that are none, or of a later version. */
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
