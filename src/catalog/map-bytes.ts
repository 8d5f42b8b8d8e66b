/** The map as bytes: whole, or the changes since a version that the receiver has. */

import { type AccessTable, hidden } from '../access/access-table.ts';
import { assert } from '../base/assert.ts';
import type { NodeId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import { count, decode, encode, list, struct } from '../base/schema.ts';
import { arcStart } from '../ring/arc.ts';
import { ACCESS } from './access-codec.ts';
import {
  CATALOG_SHARD,
  type ClusterMap,
  type NodeRow,
  type Settings,
  type ShardRow,
} from './cluster-map.ts';
import { NODE } from './field-codec.ts';
import { MAP_HEADER, NODE_ROW, SHARD_ROW } from './row.ts';

/** The rows that changed after a version. */
const UPDATE = struct({
  since: count(),
  ...MAP_HEADER,
  /** All nodes of the cluster, including those whose rows did not change. */
  numbers: list(NODE, { max: CATALOG_LIMITS.nodesMax }),
  nodes: list(NODE_ROW, { max: CATALOG_LIMITS.nodesMax }),
  shards: list(SHARD_ROW, { max: CATALOG_LIMITS.shardsMax + 1 }),
});

/** The same, and users, tokens and roles, if they changed. */
const GUARDED_UPDATE = struct({ update: UPDATE, access: ACCESS });

/**
 * All rows if `since` is 0, else those that changed after that version; and the numbers of all
 * nodes, so that the receiver drops the rows of deleted nodes.
 */
export function encodeMap(map: ClusterMap, since: number): Uint8Array {
  return encodeUpdate(map, since, map.access);
}

/** The whole map for clients: without users, tokens and roles. */
export function encodeMapForClients(map: ClusterMap): Uint8Array {
  return encodeUpdate(map, 0, map.access && hidden(map.access));
}

function encodeUpdate(map: ClusterMap, since: number, table: AccessTable | undefined): Uint8Array {
  const nodes = map.nodes.filter(({ revision }) => revision > since);
  const shards = map.shards.filter(({ revision }) => revision > since);
  const numbers = map.nodes.map(({ node }) => node);
  const update = { since, ...map, numbers, nodes, shards };
  const access = table !== undefined && table.version > since ? table : undefined;
  const bytes =
    access === undefined ? encode(UPDATE, update) : encode(GUARDED_UPDATE, { update, access });
  assert(bytes.length <= CATALOG_LIMITS.mapBytesMax, 'a map is within its limit');
  return bytes;
}

/**
 * The newer of the received and the known map. Undefined if the bytes are no valid map, are of
 * another cluster, or start after the known version; then they are ignored.
 */
export function decodeMap(
  bytes: Uint8Array,
  known: ClusterMap | undefined,
): ClusterMap | undefined {
  const update = readUpdate(bytes);
  if (update === undefined) return undefined;
  const { since, map, present } = update;
  if (known === undefined) return since === 0 && isWhole(map) ? map : undefined;
  if (map.clusterId !== known.clusterId || since > known.version) return undefined;
  // A node that knows its map from the clients' door learns the rest from its peers.
  const isRest = map.version === known.version && known.access?.isHidden === true && since === 0;
  if (map.version < known.version || (map.version === known.version && !isRest)) return known;
  const merged = {
    ...map,
    ...accessOf(known.access, map.access),
    nodes: merge(known.nodes, map.nodes, ({ node }) => node).filter(({ node }) => {
      return present.has(node);
    }),
    shards: merge(known.shards, map.shards, ({ shard }) => shard),
  };
  const isComplete = merged.nodes.length === present.size;
  return isComplete && isSound(merged, 0) && isWhole(merged) ? merged : undefined;
}

/** A copy for clients replaces only what is older than it. */
function accessOf(known: AccessTable | undefined, news: AccessTable | undefined) {
  const isOlder = news === undefined || (known !== undefined && news.version < known.version);
  const isKnown = news?.isHidden === true && news.version === known?.version;
  const access = isOlder || isKnown ? known : news;
  return access === undefined ? {} : { access };
}

interface Update {
  readonly since: number;
  /** With the changed rows only. */
  readonly map: ClusterMap;
  /** All nodes of the cluster, including those whose rows did not change. */
  readonly present: ReadonlySet<NodeId>;
}

function readUpdate(bytes: Uint8Array): Update | undefined {
  if (bytes.length > CATALOG_LIMITS.mapBytesMax) return undefined;
  const guarded = decode(GUARDED_UPDATE, bytes);
  const update = guarded?.update ?? decode(UPDATE, bytes);
  if (update === undefined) return undefined;
  const { since, numbers, ...rows } = update;
  const map: ClusterMap = guarded === undefined ? rows : { ...rows, access: guarded.access };
  const present = new Set(numbers);
  const isRead =
    numbers.every((node, at) => node < map.nextNode && node > (numbers[at - 1] ?? 0)) &&
    map.nodes.every(({ node }) => present.has(node)) &&
    (since > 0 || map.nodes.length === present.size);
  return isRead && isSound(map, since) ? { since, map, present } : undefined;
}

/** Rows that changed after `since`, in order, each with its arc. */
function isSound(
  { version, aimedAt, nextNode, nodes, shards, settings, access }: ClusterMap,
  since: number,
): boolean {
  const isNew = ({ revision }: { readonly revision: number }) =>
    revision > since && revision <= version;
  return (
    since <= version &&
    aimedAt <= version &&
    (access === undefined || access.version <= version) &&
    nodes.every(isNew) &&
    shards.every(isNew) &&
    nodes.every(({ node }, at) => node < nextNode && node > (nodes[at - 1]?.node ?? 0)) &&
    shards.every(({ shard }, at) => at === 0 || shard > (shards[at - 1] as ShardRow).shard) &&
    shards.every((row) => hasItsArc(row, settings))
  );
}

/** Every shard has a row, and names only nodes that have one. */
function isWhole({ settings, nodes, shards }: ClusterMap): boolean {
  const known = new Set<NodeId>(nodes.map(({ node }: NodeRow) => node));
  return (
    shards.length === settings.shards + 1 &&
    nodes.length <= CATALOG_LIMITS.nodesMax &&
    shards.every(
      ({ goal, members }) =>
        goal.every((node) => known.has(node)) && members.every(({ node }) => known.has(node)),
    )
  );
}

function hasItsArc({ shard, from, to }: ShardRow, { shards }: Settings): boolean {
  if (shard === CATALOG_SHARD) return from === 0 && to === 0;
  if (shard > shards) return false;
  return from === arcStart(shard - 1, shards) && to === arcStart(shard, shards);
}

/** Rows of either list in rising order; of two with the same id, the one that changed later. */
function merge<Row extends { readonly revision: number }>(
  known: readonly Row[],
  news: readonly Row[],
  nameOf: (row: Row) => number,
): Row[] {
  const rows = new Map(known.map((row) => [nameOf(row), row]));
  for (const row of news) {
    if (row.revision > (rows.get(nameOf(row))?.revision ?? 0)) rows.set(nameOf(row), row);
  }
  return [...rows.values()].sort((one, other) => nameOf(one) - nameOf(other));
}
