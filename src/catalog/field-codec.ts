/** Fields that commands, rows and maps share. */

import type { MemberId, NodeId, ShardId } from '../base/ids.ts';
import { type Lineage, WORDS_MAX } from '../base/life.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import {
  count,
  fields,
  list,
  octets,
  oneOf,
  type Schema,
  text,
  truth,
  where,
} from '../base/schema.ts';
import { isWeight } from '../ring/ring.ts';
import type { NodeDescription, NodeMembership, Settings } from './cluster-map.ts';

/** Node and member numbers start at 1. */
export const NODE = count<NodeId>({ min: 1 });
export const NODE_OR_NONE = count<NodeId>();
export const MEMBER = count<MemberId>({ min: 1 });
export const SHARD = count<ShardId>();

export const JOIN_TOKEN = octets(16);
export const LINEAGE: Schema<Lineage> = fields({
  incarnation: count(),
  words: list(count(), { min: 1, max: WORDS_MAX }),
});

const BASIS = { weight: where(count(), isWeight), zone: text(CATALOG_LIMITS.zoneBytesMax) };
export const AIMED_BASIS = { ...BASIS, isDrained: truth };
export const DESCRIPTION_FIELDS = {
  name: text(CATALOG_LIMITS.nameBytesMax),
  peerUrl: text(CATALOG_LIMITS.urlBytesMax),
  clientUrl: text(CATALOG_LIMITS.urlBytesMax),
  ...BASIS,
};
export const DESCRIPTION: Schema<NodeDescription> = fields(DESCRIPTION_FIELDS);
export const MEMBERSHIP: Schema<NodeMembership> = oneOf(['active', 'draining', 'removing']);

export const CLUSTER_ID = text(CATALOG_LIMITS.clusterIdBytesMax);
export const SETTINGS: Schema<Settings> = fields({
  shards: count({ min: 1, max: CATALOG_LIMITS.shardsMax }),
  replicas: count({ min: 1, max: CATALOG_LIMITS.replicasMax }),
});
export const GOAL = list(NODE, { max: CATALOG_LIMITS.replicasMax });
