/** The HTTP endpoints of a node: liveness, readiness, cluster membership and metrics. */

import { isSameDigest, sha256 } from '../base/sha256.ts';
import type { NodeCore } from '../node/node-core.ts';
import { infoOf, type NodeInfo } from '../node/status.ts';
import type { StorageUseInfo } from '../node/storage-quotas.ts';
import type { UserUseInfo } from '../node/user-use.ts';
import type { PlainAnswer, PlainAsk } from '../transport/plain-http.ts';
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
  readonly rules: HttpRules;
}

/** What an operator decides about HTTP. */
export interface HttpOptions {
  /** Without it there are no metrics; undefined: all get them. */
  readonly metricsToken?: string | undefined;
  /** The port of the node has no metrics, and tells nodes alone of which cluster it is. */
  readonly isPortPrivate?: boolean;
}

/** Who gets which answer. */
interface HttpRules {
  /** SHA-256 of the token for metrics. */
  readonly metricsDigest: Uint8Array | undefined;
  readonly isPortPrivate: boolean;
}

export function rulesOf({ metricsToken, isPortPrivate = false }: HttpOptions = {}): HttpRules {
  const metricsDigest = metricsToken === undefined ? undefined : digestOfToken(metricsToken);
  return { metricsDigest, isPortPrivate };
}

/** `main`: the port of the node, where also clients and peers connect. */
export type HttpPort = 'main' | 'health';

export function httpAnswer(
  { core, affiliation, end, certificateExpiry, rules }: Answering,
  { path, authorization, isNode }: PlainAsk,
  port: HttpPort,
): PlainAnswer | undefined {
  const isHidden = port === 'main' && rules.isPortPrivate;
  if (isHidden && path === '/metrics') return text(404, ELSEWHERE);
  if (isHidden && path === AFFILIATION_PATH && !isNode) return text(404, ELSEWHERE);
  if (path === '/metrics' && !mayMeasure(rules, authorization)) return UNAUTHORIZED;
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
        : text(200, metricsText(infoOf(core), certificateExpiry, showsUsers(rules, port)));
    default:
      return undefined;
  }
}

/**
 * The digests are compared in constant time: the time of the answer tells nothing of the token, and
 * not how much of it was right.
 */
function mayMeasure({ metricsDigest }: HttpRules, authorization: string | undefined): boolean {
  if (metricsDigest === undefined) return true;
  const [, token] = /^Bearer ([^ ]+)$/i.exec(authorization ?? '') ?? [];
  return token !== undefined && isSameDigest(digestOfToken(token), metricsDigest);
}

function digestOfToken(token: string): Uint8Array {
  return sha256(new TextEncoder().encode(token));
}

/** Names of users are for those who may read metrics, and not for all who reach the port. */
function showsUsers({ metricsDigest }: HttpRules, port: HttpPort): boolean {
  return port === 'health' || metricsDigest !== undefined;
}

const ELSEWHERE = 'not at this port: ask the health listener of the node (--health-listen)\n';

const UNAUTHORIZED: PlainAnswer = {
  status: 401,
  contentType: 'text/plain; charset=utf-8',
  body:
    'metrics need the token of metricsTokenFile (--metrics-token-file) of this node, as ' +
    '"Authorization: Bearer TOKEN"\n',
  headers: { 'www-authenticate': 'Bearer realm="metrics"' },
};

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

function metricsText(info: NodeInfo, expiry: number | undefined, areUsersShown: boolean): string {
  return metricsOf(info, expiry) + (areUsersShown ? userMetricsOf(info) : '');
}

type FamilyOf<Use> = readonly [
  name: string,
  type: Family[1],
  help: string,
  of: (use: Use) => number,
];

const USER_FAMILIES: readonly FamilyOf<UserUseInfo>[] = [
  ['ringkv_user_connections', 'gauge', 'Connections of a user', (use) => use.connections],
  ['ringkv_user_watches', 'gauge', 'Open streams of a user', (use) => use.watches],
  ['ringkv_user_requests_total', 'counter', 'Requests of a user', (use) => use.requests],
  ['ringkv_user_bytes_total', 'counter', 'Bytes of requests and answers', (use) => use.bytes],
  ['ringkv_user_limited_total', 'counter', 'What limits of a user refused', (use) => use.limited],
];

/** Of users with storage limits, in the whole cluster, as far as this node knows. */
const STORED_FAMILIES: readonly FamilyOf<StorageUseInfo>[] = [
  ['ringkv_user_stored_keys', 'gauge', 'Keys where a user may write', (use) => use.usedKeys],
  ['ringkv_user_stored_bytes', 'gauge', 'Bytes of these keys and values', (use) => use.usedBytes],
  ['ringkv_user_stored_keys_limit', 'gauge', 'Limit; 0 for none', (use) => use.storedKeys],
  ['ringkv_user_stored_bytes_limit', 'gauge', 'Limit; 0 for none', (use) => use.storedBytes],
  ['ringkv_user_stored_known', 'gauge', 'Whether all is counted', (use) => +use.isComplete],
  ['ringkv_user_stored_refused_total', 'counter', 'Refused requests', (use) => use.refused],
];

function userMetricsOf({ users, stored }: NodeInfo): string {
  return linesOf(USER_FAMILIES, users) + linesOf(STORED_FAMILIES, stored);
}

/** Of a bounded number of users. Their names need no escapes. */
function linesOf<Use extends { readonly user: string }>(
  families: readonly FamilyOf<Use>[],
  users: readonly Use[],
): string {
  if (users.length === 0) return '';
  const told = families.map(([name, type, help, of]) => {
    const lines = users.map((use) => `${name}{user="${use.user}"} ${of(use)}\n`);
    return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
  });
  return told.join('');
}

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
