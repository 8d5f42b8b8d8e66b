/** Replica moves between nodes: progress and obstacles. Pure. */

import { CATALOG_SHARD, type ClusterMap } from '../src/catalog/cluster-map.ts';
import { wantedNodes } from '../src/catalog/questions.ts';
import type { MoveInfo, NodeInfo } from './node-info.ts';

export interface Move extends Omit<MoveInfo, 'waitsForNode' | 'phase'> {
  /** `queued`: other moves go first. `blocked`: waits for the event in `waitsFor`. */
  readonly phase: MoveInfo['phase'] | 'queued' | 'blocked';
  /** Empty if the move is not blocked. */
  readonly waitsFor: string;
}

interface Node {
  readonly node: number;
  /** The name from its configuration, or empty; and the unambiguous display name. */
  readonly name: string;
  readonly label: string;
  readonly info: NodeInfo | undefined;
}

interface Shard {
  readonly shard: number;
  readonly leaderNode: number;
}

/** The display name of a node. */
export function nodeName({ label, name }: Pick<Node, 'label' | 'name'>): string {
  return name === '' ? `node ${label}` : label;
}

/** As above, by number, for a node that may have left the map. */
export function nameIn(nodes: readonly Node[], node: number): string {
  const row = nodes.find((one) => one.node === node);
  return row === undefined ? `node ${node}` : nodeName(row);
}

/** The display name of a shard. */
export function shardName(shard: number): string {
  return shard === CATALOG_SHARD ? 'the catalog' : `shard ${shard}`;
}

/** The moves that leaders report, and the goals for which no move has begun. */
export function movesFrom(
  map: ClusterMap,
  nodes: readonly Node[],
  shards: readonly Shard[],
): readonly Move[] {
  const isUp = (node: number) => nodes.find((one) => one.node === node)?.info !== undefined;
  const told = nodes.flatMap(({ node, info }) => {
    const led = shards.filter(({ leaderNode }) => leaderNode === node).map(({ shard }) => shard);
    return (info?.moves ?? []).filter(({ shard }) => led.includes(shard));
  });
  const going = told.map(({ waitsForNode, ...move }): Move => {
    if (waitsForNode === 0) return { ...move, waitsFor: '' };
    return { ...move, phase: 'blocked', waitsFor: silent(move.shard, nameIn(nodes, waitsForNode)) };
  });
  return [...going, ...queuedIn(map, { nodes, isUp, shards })];
}

interface Cluster {
  readonly nodes: readonly Node[];
  readonly isUp: (node: number) => boolean;
  readonly shards: readonly Shard[];
}

/** The goal names other nodes, and the catalog has not requested the move yet. */
function queuedIn(map: ClusterMap, { nodes, isUp, shards }: Cluster): Move[] {
  return map.shards.flatMap((row): Move[] => {
    const wanted = wantedNodes(row);
    const to = row.goal.filter((node) => !wanted.includes(node));
    const from = wanted.filter((node) => !row.goal.includes(node));
    if (to.length === 0 && from.length === 0) return [];
    const { shard } = row;
    const ends = { shard, from: from[0] ?? 0, to: to[0] ?? 0, done: 0, total: 0, perSecond: 0 };
    const isLed = shards.some((one) => one.shard === shard && one.leaderNode !== 0);
    const missing = to.find((node) => !isUp(node));
    if (!isLed) {
      const waitsFor = `${shardName(shard)} waits for a majority of its replicas`;
      return [{ ...ends, phase: 'blocked', waitsFor }];
    }
    if (missing === undefined) return [{ ...ends, phase: 'queued', waitsFor: '' }];
    return [{ ...ends, phase: 'blocked', waitsFor: silent(shard, nameIn(nodes, missing)) }];
  });
}

function silent(shard: number, node: string): string {
  return `${shardName(shard)} waits for ${node}, which does not respond`;
}
