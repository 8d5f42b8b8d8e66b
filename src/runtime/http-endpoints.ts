/** The HTTP endpoints of a node: liveness, readiness, cluster membership and metrics. */

import type { NodeCore } from '../node/node-core.ts';
import { infoOf, type NodeInfo } from '../node/status.ts';
import type { PlainAnswer } from '../transport/web-sockets.ts';
import { AFFILIATION_PATH, type Affiliation, affiliationText } from './affiliation.ts';
import type { NodeEnd } from './fatal-guard.ts';

interface Answering {
  /** When the certificate expires, in seconds since 1970; undefined without TLS. */
  readonly certificateExpiry?: number | undefined;
  /** Undefined until the log is open. */
  readonly core: NodeCore | undefined;
  readonly affiliation: Affiliation | undefined;
  /** The node ended by itself, and the process is about to exit. */
  readonly end: NodeEnd | undefined;
}

export function httpAnswer(
  { core, affiliation, end, certificateExpiry }: Answering,
  path: string,
): PlainAnswer | undefined {
  if (end !== undefined) return text(503, `ended (${end.kind}): ${firstLineOf(end.text)}\n`);
  switch (path) {
    case AFFILIATION_PATH:
      return affiliation === undefined
        ? text(503, 'starting\n')
        : text(200, affiliationText(affiliation));
    case '/healthz':
      return text(200, 'ok\n');
    case '/readyz': {
      const obstacle = obstacleOf(core);
      return obstacle === undefined ? text(200, 'ready\n') : text(503, `${obstacle}\n`);
    }
    case '/metrics':
      return core === undefined
        ? text(503, 'starting\n')
        : text(200, metricsOf(infoOf(core), certificateExpiry));
    default:
      return undefined;
  }
}

/** The reason why the node is not ready. */
function obstacleOf(core: NodeCore | undefined): string | undefined {
  if (core === undefined) return 'starting';
  if (core.state.isClosing) return 'closing';
  if (core.state.map === undefined) return 'the node is not a member of a cluster yet';
  const stopped = infoOf(core).replicas.find(({ stopReason }) => stopReason !== '');
  return stopped && `shard ${stopped.shard} stopped: ${stopped.stopReason}`;
}

function firstLineOf(told: string): string {
  return told.split('\n', 1)[0] ?? '';
}

function text(status: number, body: string): PlainAnswer {
  return { status, contentType: 'text/plain; version=0.0.4; charset=utf-8', body };
}

type Family = readonly [name: string, type: 'gauge' | 'counter', help: string, value: number];

/** In the text format of Prometheus. */
function metricsOf(info: NodeInfo, certificateExpiry: number | undefined): string {
  const { log, replicas } = info;
  const { compared, diverged, undecided } = info.consistency;
  const quarantined = replicas.filter(({ isQuarantined }) => isQuarantined);
  const led = replicas.filter(({ role }) => role === 'leader');
  const families: readonly Family[] = [
    ['ringkv_replicas', 'gauge', 'Replicas on this node', replicas.length],
    ['ringkv_leaders', 'gauge', 'Shards that this node leads', led.length],
    ['ringkv_clients', 'gauge', 'Connected clients', info.clients],
    ['ringkv_peers_silent', 'gauge', 'Peers that do not respond', info.silentNodes.length],
    ['ringkv_map_version', 'gauge', 'Version of the cluster map', info.mapVersion],
    ['ringkv_read_only', 'gauge', 'Whether the disk is nearly full', info.isReadOnly ? 1 : 0],
    ['ringkv_lag_entries', 'gauge', 'Lag of the slowest live follower in entries', lagOf(led)],
    ['ringkv_log_batches_total', 'counter', 'Appends to the log', log.batches],
    ['ringkv_log_bytes_total', 'counter', 'Bytes appended to the log', log.bytesWritten],
    ['ringkv_log_live_bytes', 'gauge', 'Live bytes of the log', log.liveBytes],
    ['ringkv_log_damages', 'gauge', 'Damaged places found in the log', log.damages],
    ['ringkv_disk_free_bytes', 'gauge', 'Free bytes of the disk', log.freeBytes ?? 0],
    ['ringkv_log_segments', 'gauge', 'Segments of the log', log.segments],
    [
      'ringkv_log_sync_milliseconds',
      'gauge',
      'Duration of the last sync of the log',
      log.lastSyncMilliseconds,
    ],
    [
      'ringkv_replicas_quarantined',
      'gauge',
      'Replicas that wait for an intact state',
      quarantined.length,
    ],
    ['ringkv_states_compared_total', 'counter', 'Comparisons of replicas', compared],
    [
      'ringkv_states_diverged_total',
      'counter',
      'Replicas that differed from the majority',
      diverged,
    ],
    [
      'ringkv_shards_undecided',
      'gauge',
      'Shards whose replicas differ without a majority',
      undecided.length,
    ],
    ...certificateFamilies(certificateExpiry),
    ...watchFamilies(info.watch),
    ...lockFamilies(info.coordination),
    ...auditFamilies(info.audit),
    [
      'ringkv_memtable_bytes',
      'gauge',
      'State in memory that is not checkpointed',
      info.memtableBytes,
    ],
  ];
  return families
    .map(([name, type, help, value]) => {
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`;
    })
    .join('');
}

function lagOf(led: NodeInfo['replicas']): number {
  return Math.max(0, ...led.map(({ lagEntries }) => lagEntries));
}

function watchFamilies(watch: NodeInfo['watch']): readonly Family[] {
  return [
    ['ringkv_watch_streams', 'gauge', 'Open streams of changes', watch.streams],
    ['ringkv_watch_ranges', 'gauge', 'Different ranges that they watch', watch.ranges],
    ['ringkv_watch_lag_entries', 'gauge', 'Lag of the slowest stream in entries', watch.lagEntries],
    ['ringkv_watch_messages_total', 'counter', 'Messages of streams', watch.messages],
    ['ringkv_watch_bytes_total', 'counter', 'Bytes of changes and rows sent', watch.bytes],
    ['ringkv_watch_gone_total', 'counter', 'Streams beyond the history', watch.gone],
    ['ringkv_history_bytes', 'gauge', 'Memory of the histories of changes', watch.historyBytes],
  ];
}

function certificateFamilies(expiry: number | undefined): readonly Family[] {
  const help = 'When the certificate expires, in seconds since 1970';
  return expiry === undefined ? [] : [['ringkv_certificate_expiry_seconds', 'gauge', help, expiry]];
}

function auditFamilies(audit: NodeInfo['audit']): readonly Family[] {
  if (audit === undefined) return [];
  const { isWorking, lines, dropped, bytes, sequence } = audit;
  return [
    ['ringkv_audit_working', 'gauge', 'Whether the audit trail can be written', isWorking ? 1 : 0],
    ['ringkv_audit_lines_total', 'counter', 'Lines of the audit trail written', lines],
    ['ringkv_audit_dropped_total', 'counter', 'Lines of the audit trail dropped', dropped],
    ['ringkv_audit_bytes_total', 'counter', 'Bytes of the audit trail written', bytes],
    ['ringkv_audit_sequence', 'gauge', 'Number of the last line of the audit trail', sequence],
  ];
}

function lockFamilies(coordination: NodeInfo['coordination']): readonly Family[] {
  return [
    ['ringkv_leases', 'gauge', 'Leases of the shards that this node leads', coordination.leases],
    ['ringkv_lease_tombstones', 'gauge', 'Ended leases remembered', coordination.tombstones],
    ['ringkv_leases_expired_total', 'counter', 'Leases that ran out', coordination.expired],
    ['ringkv_keeps_total', 'counter', 'Leases kept alive, one by one', coordination.kept],
    ['ringkv_tickets_owning', 'gauge', 'Tickets that own their locks', coordination.owning],
    ['ringkv_tickets_waiting', 'gauge', 'Tickets that wait for locks', coordination.waiting],
    ['ringkv_grants_total', 'counter', 'Tickets granted after a wait', coordination.granted],
    ['ringkv_fenced_total', 'counter', 'Guarded writes refused', coordination.fenced],
    ['ringkv_awaits', 'gauge', 'Requests that wait for tickets', coordination.awaiting],
  ];
}
