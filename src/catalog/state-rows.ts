/** The sections of the catalog's state, and how the map is made of their rows. */

import type { AccessTable } from '../access/access-table.ts';
import { present } from '../base/assert.ts';
import type { NodeId } from '../base/ids.ts';
import { decode, encode, type FieldsOf, type Schema, struct } from '../base/schema.ts';
import { ACCESS } from './access-codec.ts';
import type { ClusterMap, NodeRow, ShardRow } from './cluster-map.ts';
import { MAP_HEADER, NODE_ROW, SHARD_ROW } from './row.ts';

/** A row to write, as the state store takes it; without a value, one to delete. */
export interface CatalogWrite {
  readonly section: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** The state as of the last applied entry. */
export interface CatalogStateView {
  get(section: number, key: Uint8Array): Uint8Array | undefined;
}

/** The map without its lists. */
export type MapHeader = FieldsOf<typeof MAP_HEADER>;

/** One row for the header, one for each node, one for each shard, one for users and roles. */
const SECTION = { own: 0, nodes: 1, shards: 2, access: 3 } as const;

const HEADER = struct(MAP_HEADER);

export function headerWrite(own: MapHeader): CatalogWrite {
  return { section: SECTION.own, key: keyOf(0), value: encode(HEADER, own) };
}

export function nodeWrite(row: NodeRow): CatalogWrite {
  return { section: SECTION.nodes, key: keyOf(row.node), value: encode(NODE_ROW, row) };
}

/** The node has left the cluster. */
export function nodeDeletion(node: NodeId): CatalogWrite {
  return { section: SECTION.nodes, key: keyOf(node), value: undefined };
}

export function shardWrite(row: ShardRow): CatalogWrite {
  return { section: SECTION.shards, key: keyOf(row.shard), value: encode(SHARD_ROW, row) };
}

export function accessWrite(table: AccessTable): CatalogWrite {
  return { section: SECTION.access, key: keyOf(0), value: encode(ACCESS, table) };
}

/** The map that the rows make; undefined before the cluster is founded. */
export function readMap(view: CatalogStateView): ClusterMap | undefined {
  const bytes = view.get(SECTION.own, keyOf(0));
  if (bytes === undefined) return undefined;
  const own = rowIn(HEADER, bytes);
  const nodes: NodeRow[] = [];
  for (let node = 1; node < own.nextNode; node++) {
    // The row of a node that left is deleted, and its number is not assigned again.
    const row = view.get(SECTION.nodes, keyOf(node));
    if (row !== undefined) nodes.push(rowIn(NODE_ROW, row));
  }
  const shards: ShardRow[] = [];
  for (let shard = 0; shard <= own.settings.shards; shard++) {
    const row = present(view.get(SECTION.shards, keyOf(shard)), 'every shard has a row');
    shards.push(rowIn(SHARD_ROW, row));
  }
  const access = view.get(SECTION.access, keyOf(0));
  const map = { ...own, nodes, shards };
  return access === undefined ? map : { ...map, access: rowIn(ACCESS, access) };
}

/** The map with these rows in place of the former ones: the same as `readMap` would make. */
export function withWrites(
  map: ClusterMap | undefined,
  writes: readonly CatalogWrite[],
): ClusterMap {
  let own: MapHeader | undefined = map;
  const nodes = new Map((map?.nodes ?? []).map((row) => [row.node, row]));
  const shards = [...(map?.shards ?? [])];
  let access = map?.access;
  for (const { section, key, value } of writes) {
    if (value === undefined) {
      nodes.delete(nodeOfKey(key));
    } else if (section === SECTION.own) {
      own = rowIn(HEADER, value);
    } else if (section === SECTION.nodes) {
      const row = rowIn(NODE_ROW, value);
      nodes.set(row.node, row);
    } else if (section === SECTION.access) {
      access = rowIn(ACCESS, value);
    } else {
      const row = rowIn(SHARD_ROW, value);
      shards[row.shard] = row;
    }
  }
  const rows = [...nodes.values()].sort((one, other) => one.node - other.node);
  const header = present(own, 'the first writes tell of the cluster');
  const whole = { ...header, nodes: rows, shards };
  return access === undefined ? whole : { ...whole, access };
}

function rowIn<Row>(schema: Schema<Row>, bytes: Uint8Array): Row {
  return present(decode(schema, bytes), 'a stored row of the catalog decodes');
}

function nodeOfKey(key: Uint8Array): NodeId {
  return new DataView(key.buffer, key.byteOffset).getUint32(0) as NodeId;
}

function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, number);
  return key;
}
