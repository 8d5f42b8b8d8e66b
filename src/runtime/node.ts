/** A node with a port: a node process with network sockets and a logger. */

import { randomSeed, secureBytes } from '../base/ambient.ts';
import type { NodeId } from '../base/ids.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { Random } from '../base/random.ts';
import type { Timing } from '../base/timing.ts';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import type { NodeDescription, Settings } from '../catalog/cluster-map.ts';
import { faultOfDescription } from '../catalog/description.ts';
import { decodeMap } from '../catalog/map-bytes.ts';
import { nodeNumbered } from '../catalog/questions.ts';
import type { TlsTexts } from '../certificates/reading.ts';
import { Discovery } from '../node/discovery.ts';
import type { NodeCore } from '../node/node-core.ts';
import type { NodeFact } from '../node/node-fact.ts';
import { Addresses } from '../node/peer-discovery.ts';
import { openFilesMax } from '../storage/files/open-files.ts';
import type { KeySource } from '../storage/sealing/key-source.ts';
import type { PeerIdentity } from '../transport/handshake.ts';
import { isLoopback } from '../transport/host-check.ts';
import type { PlainAsk } from '../transport/plain-http.ts';
import { Switchboard } from '../transport/switchboard.ts';
import { TIMERS } from '../transport/timers.ts';
import type { Transport, TransportEvent } from '../transport/transport.ts';
import { WebDialler } from '../transport/web-dialler.ts';
import { WebSockets } from '../transport/web-sockets.ts';
import { NO_SECRET, type Secret } from '../wire/proof.ts';
import type { Affiliation } from './affiliation.ts';
import { Auditing, type AuditOptions } from './auditing.ts';
import { Certificates, type TlsSource } from './certificates.ts';
import { FactLog } from './fact-log.ts';
import type { NodeEnd } from './fatal-guard.ts';
import { budgetFor, type FileBudget } from './file-budget.ts';
import { HealthPort, type HealthTls } from './health-port.ts';
import { type HttpOptions, type HttpPort, httpAnswer, rulesOf } from './http-endpoints.ts';
import { identify, type Membership } from './identity.ts';
import { type LogSink, standardErrorSink } from './log-sink.ts';
import { type Logger, logFact, newLogger } from './logger.ts';
import { NodeProcess } from './node-process.ts';
import { RefusalLog } from './refusal-log.ts';
import type { WantedSettings } from './settings-check.ts';

export interface NodeOptions {
  readonly folder: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Its addresses for others, if they differ from the listen address. */
  readonly advertise: {
    readonly peerUrl?: string | undefined;
    readonly clientUrl?: string | undefined;
  };
  /** Its configured name; empty if it has none. */
  readonly name: string;
  readonly weight: number;
  readonly zone: string;
  /** Permits listening beyond loopback without TLS: every client can read and write all data. */
  readonly isInsecureAllowed: boolean;
  readonly valueBytesMax: number;
  /** Memory for the changes that watches continue from. */
  readonly historyBytesMax?: number | undefined;
  /** `gathered` by default: one node leads while it has time to spare. */
  readonly leaders?: 'gathered' | 'spread' | undefined;
  /** Tick and election timeouts; optional. */
  readonly timing?: Timing | undefined;
  /**
   * Founds a cluster if the folder is new and all nodes of `join` have answered that they belong
   * to none; otherwise joins their cluster.
   */
  readonly init?: Settings | undefined;
  /** Founds a cluster without asking. Refused if the folder belongs to a cluster. */
  readonly isNewClusterForced?: boolean;
  /** Other nodes: of a cluster to join, or those that found one with this node. */
  readonly join: readonly string[];
  /** The operator gave `join` for this very start; a folder of another cluster is refused then. */
  readonly isJoinGiven?: boolean;
  /** How long a node without a cluster waits for `join`: 60 s by default. */
  readonly joinMilliseconds?: number | undefined;
  /** The only cluster to belong to. */
  readonly cluster?: string | undefined;
  /** Explicit settings: the start is refused if the cluster has other values. */
  readonly wanted?: WantedSettings;
  /** Receives what the node waits for before it belongs to a cluster, one text per address. */
  readonly onWaiting?: (obstacles: readonly string[]) => void;
  /** Aborts a start that waits for other nodes. */
  readonly signal?: AbortSignal;
  /** The cluster secret: without one, any process that reaches the node can act as a peer. */
  readonly secret?: Secret | undefined;
  /** TLS on the port and between nodes; without it, everything is plain. */
  readonly tls?: TlsSource | undefined;
  /** Encrypts the folder, or opens an encrypted one: where its key comes from. */
  readonly encryption?: KeySource | undefined;
  /** Keeps an audit trail; none by default. */
  readonly audit?: AuditOptions | undefined;
  /** An extra address for health and metrics, independent of client connections. */
  readonly healthListen?: { readonly host: string; readonly port: number } | undefined;
  /** TLS at that address; without it, it is plain. */
  readonly healthTls?: HealthTls | undefined;
  /** Who gets metrics, and what the port of the node tells. */
  readonly http?: HttpOptions | undefined;
  /** Origins of web pages that may use the node: `https://app.example`. None by default. */
  readonly origins?: readonly string[] | undefined;
  readonly logLevel: string;
  /** The log output; standard error by default. */
  readonly log?: Pick<LogSink, 'write'>;
}

export interface RunningNode {
  readonly node: number;
  readonly cluster: string;
  readonly clientUrl: string;
  /** The port for health and metrics alone, if there is one. */
  readonly healthPort: number | undefined;
  /** The lost node that this new node replaces at its address, or 0. */
  readonly replaces: number;
  /** Reads the files of the certificate now, and not within seconds. */
  reloadCertificates(): void;
  /** Transfers leadership, answers requests in flight, and releases everything. */
  stop(): Promise<void>;
  /** Whether peers must have the cluster secret, or a certificate. */
  readonly isGuarded: boolean;
  /** The node ended by itself: it has stopped listening, and `stop` does the rest. */
  readonly ended: Promise<NodeEnd>;
  /** Fails the node after an uncaught error: its state in memory is no longer reliable. */
  fail(error: unknown): void;
}

/** Resolves when the node listens and has its number. The error has the remedy. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const logger = newLogger(options.logLevel, options.log ?? standardErrorSink());
  const facts = new FactLog(logger);
  const auditing = auditingOf(options, facts);
  const budget = budgetFor(openFilesMax());
  const certificates = certificatesOf(options, facts, (texts) => {
    sockets?.renew(texts);
    health?.renew(texts);
  });
  const isCertified = certificates !== undefined;
  const { tablesMax } = budget;
  const nodeProcess = await openProcess(options, { facts, auditing, isCertified, tablesMax });
  const { origins = [] } = options;
  const rules = rulesOf(options.http);
  const answerAt = (door: HttpPort) => (ask: PlainAsk) => {
    const { core, guard } = nodeProcess;
    const { affiliation } = server ?? {};
    const certificateExpiry = certificates?.expiresAtSeconds;
    return httpAnswer({ core, affiliation, end: guard.end, certificateExpiry, rules }, ask, door);
  };
  const pages = { ownHosts: hostsOf(options.advertise), origins };
  let health: HealthPort | undefined;
  let sockets: WebSockets | undefined;
  let server: Server | undefined;
  try {
    await auditing?.open();
    const { host, port } = options.listen;
    health = await HealthPort.open({
      listen: options.healthListen,
      tls: options.healthTls,
      node: certificates?.texts,
      ...pages,
      answer: answerAt('health'),
      warn: (text) => facts.tell('warn', 'certificate', { text }),
    });
    sockets = await WebSockets.listen({
      host,
      port,
      crowd: budget,
      tls: certificates && {
        texts: certificates.texts,
        isClientCertified: options.tls?.isClientCertified ?? !isLoopback(host),
      },
      isInsecureAllowed: options.isInsecureAllowed,
      answer: answerAt('main'),
      ...pages,
      onFault: (text) => facts.tell('warn', 'network', { text }),
      onRefused: (refused) => server?.refuse(refused),
    });
    const common = { nodeProcess, logger, facts, sockets, health, budget };
    const parts = { ...common, certificates, auditing };
    server = new Server({ ...parts, options });
    await server.open();
    return server;
  } catch (error) {
    await nodeProcess.stop();
    health?.close();
    await sockets?.close();
    throw error;
  }
}

interface ProcessParts {
  readonly facts: FactLog;
  readonly auditing: Auditing | undefined;
  readonly isCertified: boolean;
  readonly tablesMax: number;
}

function openProcess(options: NodeOptions, parts: ProcessParts): Promise<NodeProcess> {
  const { folder, valueBytesMax, historyBytesMax, leaders, timing, secret, encryption } = options;
  const { facts, auditing, isCertified, tablesMax } = parts;
  return NodeProcess.open({
    folder,
    valueBytesMax,
    historyBytesMax,
    leaders,
    timing,
    secret,
    isCertified,
    encryption,
    tablesMax,
    onFact: (fact: NodeFact) => {
      if (fact.type === 'audit') auditing?.add(fact.record);
      else logFact(facts, fact);
    },
    auditing,
  });
}

interface ServerParts {
  readonly nodeProcess: NodeProcess;
  readonly logger: Logger;
  readonly facts: FactLog;
  readonly health: HealthPort | undefined;
  readonly budget: FileBudget;
  readonly sockets: WebSockets;
  readonly certificates: Certificates | undefined;
  readonly auditing: Auditing | undefined;
  readonly options: NodeOptions;
}

class Server implements RunningNode {
  readonly #parts: ServerParts;
  readonly #description: NodeDescription;
  readonly #refusals: RefusalLog;
  readonly #addresses = new Addresses();
  /** For questions to other nodes; the transport has sockets of its own. */
  readonly #dialler: WebDialler;
  readonly ended: Promise<NodeEnd>;
  #discovery: Discovery | undefined;
  #stopped: Promise<void> | undefined;
  node = 0;
  cluster = '';
  /** Undefined until the folder has been read. */
  affiliation: Affiliation | undefined;
  replaces = 0;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    const { certificates, auditing, facts } = parts;
    this.#dialler = new WebDialler({ tls: certificates && (() => certificates.dialTls) });
    this.#description = descriptionOf(parts);
    this.#refusals = new RefusalLog((line, text) => {
      facts.tell('warn', text, line);
      if (line.by === 'us') auditing?.refused(line);
    });
    this.ended = parts.nodeProcess.guard.promise;
  }

  get clientUrl(): string {
    return this.#description.clientUrl;
  }

  get healthPort(): number | undefined {
    return this.#parts.health?.port;
  }

  async open(): Promise<void> {
    const { nodeProcess, logger, options, certificates } = this.#parts;
    const description = this.#description;
    const fault = faultOfDescription(description);
    if (fault !== undefined) throw new Error(`${fault}. Nothing was changed`);
    const { stored, map } = await identify({
      ...membershipOf(options),
      certificates,
      folder: nodeProcess.folder,
      description,
      onAffiliation: (affiliation) => {
        this.affiliation = affiliation;
      },
      onWaiting: (obstacles) => options.onWaiting?.(obstacles),
      signal: options.signal,
    });
    const { node, cluster } = stored;
    this.node = node;
    this.cluster = cluster;
    this.#parts.auditing?.begin(node);
    if (!stored.hasLived) this.replaces = predecessorIn(map, node);
    const core = await nodeProcess.start({
      stored,
      map,
      description,
      isEnquiring: options.join.length > 0,
      newTransport: (identity, onEvent) => this.#newTransport(identity, onEvent),
    });
    this.#seek(core, cluster);
    certificates?.start();
    void this.ended.then((end) => this.#leaveByItself(end));
    const { incarnation } = core.state.log;
    logger.info({ node, cluster, url: this.clientUrl, incarnation }, 'the node is up');
    const { replaces } = this;
    if (replaces > 0) logger.info({ node, replaces }, 'replaces a lost node');
  }

  get isGuarded(): boolean {
    const { options, certificates } = this.#parts;
    return (options.secret ?? NO_SECRET).length > 0 || certificates !== undefined;
  }

  /** A socket of a stranger was refused for its certificate. */
  refuse({ address, text }: { readonly address: string; readonly text: string }): void {
    this.#refusals.note({ type: 'refused', address, by: 'us', text });
  }

  reloadCertificates(): void {
    this.#parts.certificates?.reload();
    this.#parts.health?.reload();
  }

  fail(error: unknown): void {
    this.#parts.nodeProcess.guard.fail(error);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Stops listening first, so that health checks fail at once. */
  #leaveByItself({ kind, text }: NodeEnd): void {
    const { logger, sockets } = this.#parts;
    sockets.stopListening();
    logger.fatal({ kind, text }, 'the node ended by itself');
    void this.stop();
  }

  /** If all peers have moved, the nodes at the configured addresses have their new addresses. */
  #seek(core: NodeCore, cluster: string): void {
    const { options, nodeProcess } = this.#parts;
    this.#discovery = new Discovery({
      core,
      cluster,
      urls: options.join,
      sockets: this.#dialler,
      schedule: TIMERS,
      addresses: this.#addresses,
      guard: (work) => nodeProcess.guard.run(work),
    });
    this.#discovery.start();
  }

  async #stop(): Promise<void> {
    this.#discovery?.stop();
    this.#parts.certificates?.stop();
    this.#dialler.close();
    // The counts of what was refused belong into the audit trail, too.
    this.#refusals.close();
    await this.#parts.nodeProcess.stop();
    this.#parts.health?.close();
    await this.#parts.sockets.close();
    this.#refusals.close();
    this.#parts.facts.close();
  }

  #newTransport(identity: PeerIdentity, onEvent: (event: TransportEvent) => void): Transport {
    const switchboard = new Switchboard({
      identity,
      sockets: this.#parts.sockets,
      schedule: TIMERS,
      random: new Random(randomSeed()),
      secureBytes,
      limits: { ...TRANSPORT_LIMITS, visitorsMax: this.#parts.budget.visitorsMax },
      onEvent: (event) => {
        if (event.type === 'refused') this.#refusals.note(event);
        else onEvent(event);
      },
    });
    return this.#addresses.around(switchboard);
  }
}

function membershipOf(options: NodeOptions): Membership {
  const { init, isNewClusterForced = false, join, isJoinGiven = false, cluster = '' } = options;
  const { secret = NO_SECRET } = options;
  const { wanted = {}, joinMilliseconds = NODE_LIMITS.joinMillisecondsDefault } = options;
  return {
    init,
    isForced: isNewClusterForced,
    join,
    isJoinGiven,
    pinned: cluster,
    wanted,
    secret,
    patienceMilliseconds: joinMilliseconds,
  };
}

function predecessorIn(bytes: Uint8Array, node: NodeId): number {
  const map = decodeMap(bytes, undefined);
  return (map && nodeNumbered(map, node)?.replaces) ?? 0;
}

/** With TLS all addresses are of TLS, also those that are advertised without a scheme. */
function descriptionOf({ options, sockets, certificates }: ServerParts): NodeDescription {
  const { listen, advertise, weight, zone } = options;
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const url = `ws://${host}:${sockets.port}`;
  const { peerUrl = url, clientUrl = url } = advertise;
  if (certificates === undefined) return { name: options.name, peerUrl, clientUrl, weight, zone };
  const [peer, client] = [peerUrl, clientUrl].map((plain) => plain.replace(/^ws:/, 'wss:'));
  const { name } = certificates.node;
  return { name, peerUrl: peer ?? peerUrl, clientUrl: client ?? clientUrl, weight, zone };
}

function certificatesOf(
  { tls, name }: NodeOptions,
  facts: FactLog,
  renew: (texts: TlsTexts) => void,
): Certificates | undefined {
  if (tls === undefined) return undefined;
  const onRenewed = (texts: TlsTexts) => {
    renew(texts);
    facts.tell('info', 'the certificate was renewed', {});
  };
  const warn = (text: string) => facts.tell('warn', 'certificate', { text });
  return new Certificates({ source: tls, name, onRenewed, warn });
}

function auditingOf({ audit, folder }: NodeOptions, facts: FactLog): Auditing | undefined {
  if (audit === undefined) return undefined;
  const warn = (text: string) => facts.tell('warn', 'audit', { text });
  return new Auditing({ options: audit, dataFolder: folder, warn });
}

function hostsOf({ peerUrl, clientUrl }: NodeOptions['advertise']): readonly string[] {
  const urls = [peerUrl, clientUrl].filter((url) => url !== undefined);
  return urls.filter((url) => URL.canParse(url)).map((url) => new URL(url).hostname);
}
