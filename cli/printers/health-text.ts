/** The health of a cluster as text, the verdict first. */

import { visible } from '../encoding.ts';
import type { Health, NodeHealth, ShardHealth, Verdict } from '../health.ts';
import { type Move, nameIn, nodeName, shardName } from '../moves.ts';
import type { Paint, Style } from '../terminal.ts';

const STYLES: Readonly<Record<Verdict, Style>> = {
  HEALTHY: 'green',
  DEGRADED: 'yellow',
  UNAVAILABLE: 'red',
  SPLIT: 'red',
};

/** Maximum number of reasons that are listed; the rest are counted. */
const REASONS_MAX = 8;
const MOVES_MAX = 8;

export function verdictLine(health: Health, paint: Paint): string {
  const { verdict, canLose, nodes, isForeign } = health;
  const splitText = isForeign
    ? 'the nodes belong to another cluster than the configured one'
    : 'the nodes belong to different clusters';
  if (verdict === 'SPLIT') return `${paint(verdict, STYLES[verdict])}  ${splitText}`;
  const rest = verdict === 'UNAVAILABLE' ? '' : `  can lose ${canLose} of ${nodes.length} nodes`;
  return `${paint(verdict, STYLES[verdict])}${rest}`;
}

export function healthText(health: Health, paint: Paint): string {
  const { cluster, nodes, shards, reasons, moves } = health;
  const up = nodes.filter(({ info }) => info !== undefined);
  const data = shards.filter(({ shard }) => shard !== 0);
  const more = reasons.length - REASONS_MAX;
  const facts: readonly (readonly [name: string, text: string])[] = [
    ...reasons.slice(0, REASONS_MAX).map((reason) => ['why', reason] as const),
    ...(more > 0 ? [['', `and ${more} more`] as const] : []),
    ...(health.verdict === 'SPLIT' && !health.isForeign ? SPLIT_FACTS : []),
    ['cluster', cluster],
    ['nodes', nodesText(nodes)],
    ['shards', shardsText(data, nodes)],
    ...(up.some(({ info }) => info?.isGuarded === false) ? NO_PEER_SECRET : []),
    ...nodes.flatMap((row) => membershipText(row, nodes)),
    ['moving', moves.length === 0 ? 'none' : movingText(moves)],
    ...moves.slice(0, MOVES_MAX).map((move) => ['', moveText(move, nodes)] as const),
    ...(moves.length > MOVES_MAX ? [['', `and ${moves.length - MOVES_MAX} more`] as const] : []),
    ['disk', diskText(up)],
    ['lag', `${Math.max(0, ...shards.map(({ lagEntries }) => lagEntries))} entries at most`],
    ...watchesText(up),
    ...locksText(up),
  ];
  // If no node returned a map, nothing else is known of the cluster.
  const about = facts.findIndex(([name]) => name === 'cluster');
  const known = nodes.length > 0 ? facts : facts.slice(0, about);
  const lines = known.map(([name, text]) => `${paint(name.padEnd(8), 'dim')} ${visible(text)}`);
  return `${[verdictLine(health, paint), ...lines].join('\n')}\n`;
}

const NO_PEER_SECRET = [
  ['peers', 'not authenticated: no cluster secret (kvctl explain secret)'],
] as const;

const SPLIT_FACTS = [
  ['', 'clients connect to either cluster by chance, and both accept writes'],
  [
    'do',
    'stop the nodes of the wrong cluster, empty their folders, and start them again: they join',
  ],
  ['', 'the others (see kvctl explain split); the lines below describe one of the clusters'],
] as const;

/** Maximum number of names that are listed. */
const NAMES_MAX = 12;

function nodesText(nodes: readonly NodeHealth[]): string {
  const part = (isUp: boolean) => {
    const those = nodes.filter(({ info }) => (info !== undefined) === isUp);
    const labels = those.slice(0, NAMES_MAX).map(({ label }) => label);
    const names = [...labels, ...(those.length > NAMES_MAX ? ['…'] : [])].join(', ');
    return `${those.length} ${isUp ? 'up' : 'down'}${names === '' ? '' : ` (${names})`}`;
  };
  return `${part(true)}, ${part(false)}`;
}

/** For JSON output; field names are stable. */
export function healthPlain(health: Health): object {
  const { cluster, verdict, canLose, nodes, shards, moves, reasons } = health;
  return {
    schemaVersion: 1,
    verdict,
    canLose,
    cluster,
    reasons,
    nodes: nodes.map(nodePlain),
    shards: shards.map(shardPlain),
    moves,
  };
}

export function nodePlain({ info, fault, label: _, ...row }: NodeHealth): object {
  const isUp = info !== undefined;
  const known = { ...row, isUp };
  if (!isUp) return { ...known, fault };
  return {
    ...known,
    isReadOnly: info.isReadOnly,
    clients: info.clients,
    replicas: info.replicas.length,
    leaders: leadersOn(info),
    logBytes: info.log.liveBytes,
    longestSyncMilliseconds: info.log.longestSyncMilliseconds,
    watchStreams: info.watch.streams,
    watchLagEntries: info.watch.lagEntries,
    leases: info.coordination.leases,
    lockOwners: info.coordination.owning,
    lockWaiters: info.coordination.waiting,
    ...(info.audit === undefined ? {} : { audit: info.audit }),
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

function membershipText(
  row: NodeHealth,
  nodes: readonly NodeHealth[],
): (readonly [string, string])[] {
  const { membership, replaces, info } = row;
  const isReplacing = nodes.some((other) => other.node === replaces);
  const texts = [
    ...(!isReplacing ? [] : [`replaces ${nameIn(nodes, replaces)}, whose data folder was lost`]),
    ...(membership === 'draining'
      ? ['is drained: it leads only shards that no other node can lead']
      : []),
    ...(membership === 'removing' && info !== undefined ? ['is being removed'] : []),
  ];
  return texts.map((text) => ['', `${nodeName(row)} ${text}`] as const);
}

function movingText(moves: readonly Move[]): string {
  const count = (phase: Move['phase']) => moves.filter((move) => move.phase === phase).length;
  const [queued, blocked] = [count('queued'), count('blocked')];
  const parts = [`${moves.length - queued - blocked} in progress`, `${queued} queued`];
  return [...parts, `${blocked} blocked`].join(', ');
}

function moveText({ shard, from, to, phase, ...move }: Move, nodes: readonly NodeHealth[]): string {
  if (move.waitsFor !== '') return move.waitsFor;
  const ends = [
    from === 0 ? '' : ` from ${nameIn(nodes, from)}`,
    to === 0 ? '' : ` to ${nameIn(nodes, to)}`,
  ].join('');
  return `${shardName(shard)}${ends}: ${amountText({ phase, ...move })}`;
}

function amountText({ phase, done, total, perSecond }: Omit<Move, 'shard' | 'from' | 'to'>) {
  switch (phase) {
    case 'snapshot':
      return `${bytesText(done)} of the snapshot sent, ${bytesText(perSecond)}/s`;
    case 'entries':
      return `${done} of ${total} entries, ${perSecond}/s`;
    case 'leaving':
      return 'waits until it has left the configuration';
    default:
      return phase;
  }
}

function shardsText(shards: readonly ShardHealth[], nodes: readonly NodeHealth[]): string {
  const wanted = Math.max(1, ...shards.map(({ replicasWanted }) => replicasWanted));
  const full = shards.filter(({ liveVoters }) => liveVoters.length >= wanted).length;
  const all = full === shards.length ? 'all' : `${full}`;
  const leaders = nodes.map(({ node }) => shards.filter((row) => row.leaderNode === node).length);
  const who = leaders.join('/');
  return `${shards.length}, ${all} with ${wanted} of ${wanted} replicas up, leaders ${who}`;
}

/** One stream for each shard of a watch; nothing where none is open. */
function watchesText(up: readonly NodeHealth[]): (readonly [string, string])[] {
  const watches = up.flatMap(({ info }) => (info === undefined ? [] : [info.watch]));
  const streams = watches.reduce((sum, one) => sum + one.streams, 0);
  if (streams === 0) return [];
  const lag = Math.max(...watches.map(({ lagEntries }) => lagEntries));
  return [['watches', `${streams} streams, the slowest ${lag} entries behind`]];
}

function locksText(up: readonly NodeHealth[]): (readonly [string, string])[] {
  const sum = { leases: 0, owning: 0, waiting: 0 };
  for (const { info } of up) {
    sum.leases += info?.coordination.leases ?? 0;
    sum.owning += info?.coordination.owning ?? 0;
    sum.waiting += info?.coordination.waiting ?? 0;
  }
  const { leases, owning, waiting } = sum;
  if (leases === 0) return [];
  return [['locks', `${owning} owners, ${waiting} clients wait, ${leases} leases`]];
}

function diskText(up: readonly NodeHealth[]): string {
  const logs = up.flatMap(({ info }) => (info === undefined ? [] : [info.log]));
  const bytes = logs.reduce((sum, { liveBytes }) => sum + liveBytes, 0);
  const slowest = Math.max(0, ...logs.map((log) => log.longestSyncMilliseconds));
  return `${bytesText(bytes)} in the logs, slowest sync ${slowest.toFixed(1)} ms`;
}
