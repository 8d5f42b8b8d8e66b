/** The sections of the catalog's state, and how the map is made of their rows. */

import { assert, present } from '../base/assert.ts';
import type { NodeId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import type { ClusterMap, NodeRow, ShardRow } from './cluster-map.ts';
import { readNode, readSettings, readText, writeSettings, writeText } from './field-codec.ts';
import { readNodeRow, readShardRow, writeNodeRow, writeShardRow } from './row.ts';

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
export type MapHeader = Omit<ClusterMap, 'nodes' | 'shards'>;

/** One row for the header, one for each node, one for each shard. */
const SECTION = { own: 0, nodes: 1, shards: 2 } as const;

const OWN_FIELDS = 6;

const writer = new Writer();

export function headerWrite(own: MapHeader): CatalogWrite {
  writer.array(OWN_FIELDS);
  writer.count(own.version);
  writeText(writer, own.clusterId, CATALOG_LIMITS.clusterIdBytesMax);
  writeSettings(writer, own.settings);
  writer.count(own.nextNode);
  writer.count(own.aimedAt);
  return { section: SECTION.own, key: keyOf(0), value: writer.take() };
}

export function nodeWrite(row: NodeRow): CatalogWrite {
  writeNodeRow(writer, row);
  return { section: SECTION.nodes, key: keyOf(row.node), value: writer.take() };
}

/** The node has left the cluster. */
export function nodeDeletion(node: NodeId): CatalogWrite {
  return { section: SECTION.nodes, key: keyOf(node), value: undefined };
}

export function shardWrite(row: ShardRow): CatalogWrite {
  writeShardRow(writer, row);
  return { section: SECTION.shards, key: keyOf(row.shard), value: writer.take() };
}

/** The map that the rows make; undefined before the cluster is founded. */
export function readMap(view: CatalogStateView): ClusterMap | undefined {
  const bytes = view.get(SECTION.own, keyOf(0));
  if (bytes === undefined) return undefined;
  const own = readWhole(bytes, readHeader);
  const nodes: NodeRow[] = [];
  for (let node = 1; node < own.nextNode; node++) {
    // The row of a node that left is deleted, and its number is not assigned again.
    const row = view.get(SECTION.nodes, keyOf(node));
    if (row !== undefined) nodes.push(readWhole(row, readNodeRow));
  }
  const shards: ShardRow[] = [];
  for (let shard = 0; shard <= own.settings.shards; shard++) {
    const row = present(view.get(SECTION.shards, keyOf(shard)), 'every shard has a row');
    shards.push(readWhole(row, readShardRow));
  }
  return { ...own, nodes, shards };
}

/** The map with these rows in place of the former ones: the same as `readMap` would make. */
export function withWrites(
  map: ClusterMap | undefined,
  writes: readonly CatalogWrite[],
): ClusterMap {
  let own: MapHeader | undefined = map;
  const nodes = new Map((map?.nodes ?? []).map((row) => [row.node, row]));
  const shards = [...(map?.shards ?? [])];
  for (const { section, key, value } of writes) {
    if (value === undefined) {
      nodes.delete(nodeOfKey(key));
    } else if (section === SECTION.own) {
      own = readWhole(value, readHeader);
    } else if (section === SECTION.nodes) {
      const row = readWhole(value, readNodeRow);
      nodes.set(row.node, row);
    } else {
      const row = readWhole(value, readShardRow);
      shards[row.shard] = row;
    }
  }
  const rows = [...nodes.values()].sort((one, other) => one.node - other.node);
  return { ...present(own, 'the first writes tell of the cluster'), nodes: rows, shards };
}

function readHeader(reader: Reader): MapHeader {
  reader.tuple(OWN_FIELDS);
  return {
    version: reader.count(),
    clusterId: readText(reader, CATALOG_LIMITS.clusterIdBytesMax),
    settings: readSettings(reader),
    nextNode: readNode(reader) as NodeId,
    aimedAt: reader.count(),
  };
}

function readWhole<Row>(bytes: Uint8Array, read: (reader: Reader) => Row): Row {
  const reader = new Reader(bytes);
  const row = read(reader);
  assert(!reader.isBroken && reader.left === 0, 'a row of the catalog is what was written');
  return row;
}

function nodeOfKey(key: Uint8Array): NodeId {
  return new DataView(key.buffer, key.byteOffset).getUint32(0) as NodeId;
}

function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, number);
  return key;
}
