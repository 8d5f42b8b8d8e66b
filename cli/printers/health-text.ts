/** How a cluster is, the verdict first. */

import {
  type Health,
  type NodeHealth,
  type ShardHealth,
  shardName,
  type Verdict,
} from '../health.ts';
import type { Paint, Style } from '../terminal.ts';

const STYLES: Readonly<Record<Verdict, Style>> = {
  HEALTHY: 'green',
  DEGRADED: 'yellow',
  UNAVAILABLE: 'red',
};

/** Reasons that are told one by one; the rest are counted. */
const REASONS_MAX = 8;

export function verdictLine({ verdict, canLose, nodes }: Health, paint: Paint): string {
  const rest = verdict === 'UNAVAILABLE' ? '' : `  can lose ${canLose} of ${nodes.length} nodes`;
  return `${paint(verdict, STYLES[verdict])}${rest}`;
}

export function healthText(health: Health, paint: Paint): string {
  const { cluster, nodes, shards, reasons } = health;
  const up = nodes.filter(({ info }) => info !== undefined);
  const data = shards.filter(({ shard }) => shard !== 0);
  const moving = shards.filter(({ isMoving }) => isMoving);
  const more = reasons.length - REASONS_MAX;
  const facts: readonly (readonly [name: string, text: string])[] = [
    ...reasons.slice(0, REASONS_MAX).map((reason) => ['why', reason] as const),
    ...(more > 0 ? [['', `and ${more} more`] as const] : []),
    ['cluster', cluster],
    ['nodes', `${up.length} up, ${nodes.length - up.length} down`],
    ['shards', shardsText(data, nodes)],
    ['moving', moving.map(({ shard }) => shardName(shard)).join(', ') || 'none'],
    ['disk', diskText(up)],
    ['lag', `${Math.max(0, ...shards.map(({ lagEntries }) => lagEntries))} entries at most`],
  ];
  const lines = facts.map(([name, text]) => `${paint(name.padEnd(8), 'dim')} ${text}`);
  return `${[verdictLine(health, paint), ...lines].join('\n')}\n`;
}

/** For programs; names are kept once they were given. */
export function healthPlain({ cluster, verdict, canLose, nodes, shards, reasons }: Health): object {
  return {
    schemaVersion: 1,
    verdict,
    canLose,
    cluster,
    reasons,
    nodes: nodes.map(nodePlain),
    shards: shards.map(shardPlain),
  };
}

export function nodePlain({ node, url, zone, weight, info, fault }: NodeHealth): object {
  const isUp = info !== undefined;
  const known = { node, url, zone, weight, isUp };
  if (!isUp) return { ...known, fault };
  return {
    ...known,
    isReadOnly: info.isReadOnly,
    clients: info.clients,
    replicas: info.replicas.length,
    leaders: leadersOn(info),
    logBytes: info.log.liveBytes,
    longestSyncMilliseconds: info.log.longestSyncMilliseconds,
  };
}

export function shardPlain(shard: ShardHealth): object {
  return { ...shard };
}

export function leadersOn({ replicas }: NonNullable<NodeHealth['info']>): number {
  return replicas.filter(({ role, shard }) => role === 'leader' && shard !== 0).length;
}

export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function shardsText(shards: readonly ShardHealth[], nodes: readonly NodeHealth[]): string {
  const wanted = Math.max(1, ...shards.map(({ replicasWanted }) => replicasWanted));
  const full = shards.filter(({ liveVoters }) => liveVoters.length >= wanted).length;
  const all = full === shards.length ? 'all' : `${full}`;
  const leaders = nodes.map(({ node }) => shards.filter((row) => row.leaderNode === node).length);
  const who = leaders.join('/');
  return `${shards.length}, ${all} with ${wanted} of ${wanted} replicas up, leaders ${who}`;
}

function diskText(up: readonly NodeHealth[]): string {
  const logs = up.flatMap(({ info }) => (info === undefined ? [] : [info.log]));
  const bytes = logs.reduce((sum, { liveBytes }) => sum + liveBytes, 0);
  const slowest = Math.max(0, ...logs.map((log) => log.longestSyncMilliseconds));
  return `${bytesText(bytes)} in the logs, slowest sync ${slowest.toFixed(1)} ms`;
}
