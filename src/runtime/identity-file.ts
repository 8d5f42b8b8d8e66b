/** The identity file of a data folder, read before anything else is opened. */

import type { NodeId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import { count, decode, encode, octets, struct, text, truth, where } from '../base/schema.ts';
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

const STORED = where(
  struct({
    format: count({ min: FORMAT, max: FORMAT }),
    joinToken: octets(TOKEN_BYTES),
    cluster: text(CLUSTER_BYTES_MAX),
    node: count<NodeId>(),
    hasLived: truth,
    /** Both 0 for a node that does not found. */
    shards: count({ max: CATALOG_LIMITS.shardsMax }),
    replicas: count({ max: CATALOG_LIMITS.replicasMax }),
  }),
  ({ shards, replicas }) => shards > 0 === replicas > 0,
);

export function encodeIdentity({ founding, ...stored }: StoredIdentity): Uint8Array {
  const { shards, replicas } = founding ?? { shards: 0, replicas: 0 };
  return encode(STORED, { format: FORMAT, ...stored, shards, replicas });
}

/** Undefined if the bytes are invalid or of a later version. */
export function decodeIdentity(bytes: Uint8Array): StoredIdentity | undefined {
  const stored = decode(STORED, bytes);
  if (stored === undefined) return undefined;
  const { format: _, shards, replicas, ...identity } = stored;
  return { ...identity, founding: shards > 0 ? { shards, replicas } : undefined };
}
