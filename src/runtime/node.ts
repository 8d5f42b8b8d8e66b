/** A node that serves: a house with a port, and a logger for whoever runs it. */

import { monotoneNow, randomSeed, secureBytes } from '../base/ambient.ts';
import type { NodeId } from '../base/ids.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { Random } from '../base/random.ts';
import type { Timing } from '../base/timing.ts';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import type { NodeDescription, Settings } from '../catalog/cluster-map.ts';
import { faultOfDescription } from '../catalog/description.ts';
import { decodeMap } from '../catalog/map-bytes.ts';
import { nodeNumbered } from '../catalog/questions.ts';
import type { NodeCore } from '../node/node-core.ts';
import type { NodeFact } from '../node/node-parts.ts';
import { openFilesMax } from '../storage/files/open-files.ts';
import type { PeerIdentity } from '../transport/handshake.ts';
import { HealthServer } from '../transport/health-server.ts';
import { Switchboard } from '../transport/switchboard.ts';
import { TIMERS } from '../transport/timers.ts';
import type { Transport, TransportEvent } from '../transport/transport.ts';
import { WebSockets } from '../transport/web-sockets.ts';
import { NO_SECRET, type Secret } from '../wire/proof.ts';
import type { Affiliation } from './affiliation.ts';
import { FactLog } from './fact-log.ts';
import type { NodeEnd } from './fatal-guard.ts';
import { budgetFor, type FileBudget } from './file-budget.ts';
import { httpAnswer } from './http-endpoints.ts';
import { identify, type Membership } from './identity.ts';
import { type LogSink, standardErrorSink } from './log-sink.ts';
import { type Logger, logFact, newLogger } from './logger.ts';
import { MapDiscovery } from './map-discovery.ts';
import { NodeProcess } from './node-process.ts';
import { Addresses, PeerDiscovery } from './peer-discovery.ts';
import { RefusalLog } from './refusal-log.ts';
import type { WantedSettings } from './settings-check.ts';

export interface NodeOptions {
  readonly folder: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** How others reach it, if that is not where it listens. */
  readonly advertise: {
    readonly peerUrl?: string | undefined;
    readonly clientUrl?: string | undefined;
  };
  /** Its name in the configuration; empty if it has none. */
  readonly name: string;
  readonly weight: number;
  readonly zone: string;
  /** Listening beyond loopback, where anybody may read and write everything. */
  readonly isInsecureAllowed: boolean;
  readonly valueBytesMax: number;
  /** Ticks and election timeouts: the defaults if nothing is said. */
  readonly timing?: Timing | undefined;
  /**
   * Begins a cluster, if the folder is new and all of `join` have answered that they belong to
   * none; if they do belong to one, it is joined.
   */
  readonly init?: Settings | undefined;
  /** Begins one whatever they answer. Refused on a folder that belongs to a cluster. */
  readonly isNewClusterForced?: boolean;
  /** Other nodes: of a cluster to join, or those that found one together with this node. */
  readonly join: readonly string[];
  /** They were given by hand for this very start; a folder of another cluster is then refused. */
  readonly isJoinGiven?: boolean;
  /** How long a node without a cluster waits for them: 60 s if nothing else is said. */
  readonly joinMilliseconds?: number | undefined;
  /** The only cluster that the node may belong to. */
  readonly cluster?: string | undefined;
  /** Settings that were asked for by name: refused where the cluster has others. */
  readonly wanted?: WantedSettings;
  /** What the node waits for before it belongs to a cluster, address by address. */
  readonly onWaiting?: (obstacles: readonly string[]) => void;
  /** Ends a start that waits for others. */
  readonly signal?: AbortSignal;
  /** That of the cluster: without one, whatever reaches the node can speak as a peer. */
  readonly secret?: Secret | undefined;
  /** Health and metrics answer there too, however many clients there are. */
  readonly healthListen?: { readonly host: string; readonly port: number } | undefined;
  readonly logLevel: string;
  /** Where its lines go: to standard error if nothing else is said. */
  readonly log?: Pick<LogSink, 'write'>;
}

export interface RunningNode {
  readonly node: number;
  readonly cluster: string;
  readonly clientUrl: string;
  /** Where it has joined just now: the node that ran at its address before and is lost, or 0. */
  readonly replaces: number;
  /** Hands leadership over, answers what is in flight, and gives everything back. */
  stop(): Promise<void>;
  /** Whether only nodes with the secret of the cluster are peers. */
  readonly isGuarded: boolean;
  /** It came to an end by itself: it has stopped listening, and `stop` does the rest. */
  readonly ended: Promise<NodeEnd>;
  /** An error that reached the process, and no call: what the node holds is not to be trusted. */
  fail(error: unknown): void;
}

/** Resolves when it listens and has its number. Fails with a text that says what to do. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const logger = newLogger(options.logLevel, options.log ?? standardErrorSink());
  const facts = new FactLog(logger);
  const { folder, valueBytesMax, timing, secret, healthListen } = options;
  const onFact = (fact: NodeFact) => logFact(facts, fact);
  const budget = budgetFor(openFilesMax());
  const { tablesMax } = budget;
  const nodeProcess = await NodeProcess.open({
    folder,
    valueBytesMax,
    timing,
    secret,
    tablesMax,
    onFact,
  });
  const answer = (path: string) => {
    const { core, guard } = nodeProcess;
    return httpAnswer({ core, affiliation: server?.affiliation, end: guard.end }, path);
  };
  let health: HealthServer | undefined;
  let sockets: WebSockets | undefined;
  let server: Server | undefined;
  try {
    const { host, port } = options.listen;
    if (healthListen !== undefined) {
      health = await HealthServer.listen({ ...healthListen, answer });
    }
    sockets = await WebSockets.listen({
      host,
      port,
      crowd: budget,
      isInsecureAllowed: options.isInsecureAllowed,
      answer,
      ownHosts: hostsOf(options.advertise),
      onFault: (text) => facts.tell('warn', 'network', { text }),
    });
    server = new Server({ nodeProcess, logger, facts, sockets, health, budget, options });
    await server.open();
    return server;
  } catch (error) {
    await nodeProcess.stop();
    health?.close();
    await sockets?.close();
    throw error;
  }
}

interface ServerParts {
  readonly nodeProcess: NodeProcess;
  readonly logger: Logger;
  readonly facts: FactLog;
  readonly health: HealthServer | undefined;
  readonly budget: FileBudget;
  readonly sockets: WebSockets;
  readonly options: NodeOptions;
}

class Server implements RunningNode {
  readonly #parts: ServerParts;
  readonly #description: NodeDescription;
  readonly #refusals: RefusalLog;
  readonly #addresses = new Addresses();
  readonly ended: Promise<NodeEnd>;
  #discovery: PeerDiscovery | undefined;
  #mapDiscovery: MapDiscovery | undefined;
  #stopped: Promise<void> | undefined;
  node = 0;
  cluster = '';
  /** Undefined until the folder has been looked at. */
  affiliation: Affiliation | undefined;
  replaces = 0;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#description = descriptionOf(parts.options, parts.sockets.port);
    this.#refusals = new RefusalLog((line, text) => parts.facts.tell('warn', text, line));
    this.ended = parts.nodeProcess.guard.promise;
  }

  get clientUrl(): string {
    return this.#description.clientUrl;
  }

  async open(): Promise<void> {
    const { nodeProcess, logger, options } = this.#parts;
    const description = this.#description;
    const fault = faultOfDescription(description);
    if (fault !== undefined) throw new Error(`${fault}. Nothing was changed`);
    const { stored, map } = await identify({
      ...membershipOf(options),
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
    if (!stored.hasLived) this.replaces = predecessorIn(map, node);
    const core = await nodeProcess.start({
      stored,
      map,
      description,
      isEnquiring: options.join.length > 0,
      newTransport: (identity, onEvent) => this.#newTransport(identity, onEvent),
    });
    this.#seek(core, cluster);
    void this.ended.then((end) => this.#leaveByItself(end));
    const { incarnation } = core.log;
    logger.info({ node, cluster, url: this.clientUrl, incarnation }, 'the node is up');
    const { replaces } = this;
    if (replaces > 0) logger.info({ node, replaces }, 'it takes the place of a lost node');
  }

  get isGuarded(): boolean {
    return (this.#parts.options.secret ?? NO_SECRET).length > 0;
  }

  fail(error: unknown): void {
    this.#parts.nodeProcess.guard.fail(error);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Stops listening first, so that health checks do not take it for a node that serves. */
  #leaveByItself({ kind, text }: NodeEnd): void {
    const { logger, sockets } = this.#parts;
    sockets.stopListening();
    logger.fatal({ kind, text }, 'the node ended by itself');
    void this.stop();
  }

  /** Its peers may all have moved: whoever was named to it then tells where they are. */
  #seek(core: NodeCore, cluster: string): void {
    const { options, nodeProcess } = this.#parts;
    const run = (work: () => void) => nodeProcess.guard.run(work);
    this.#discovery = new PeerDiscovery({
      cluster,
      urls: options.join,
      isLonely: () => !nodeProcess.guard.isOver && core.peers.isLonely(monotoneNow()),
      onNode: (node, url) => run(() => this.#addresses.learn(node, url)),
      onMap: (bytes) => run(() => core.maps.take(bytes)),
    });
    this.#discovery.start();
    this.#mapDiscovery = new MapDiscovery({
      cluster,
      urls: options.join,
      isWanted: () => !nodeProcess.guard.isOver && core.standing.isEnquiring,
      onMap: (bytes) => run(() => core.maps.take(bytes)),
      onHeardOut: () => run(() => core.standing.heardOut()),
    });
    this.#mapDiscovery.start();
  }

  async #stop(): Promise<void> {
    this.#discovery?.stop();
    this.#mapDiscovery?.stop();
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

function descriptionOf(options: NodeOptions, port: number): NodeDescription {
  const { name, listen, advertise, weight, zone } = options;
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const url = `ws://${host}:${port}`;
  const { peerUrl = url, clientUrl = url } = advertise;
  return { name, peerUrl, clientUrl, weight, zone };
}

function hostsOf({ peerUrl, clientUrl }: NodeOptions['advertise']): readonly string[] {
  const urls = [peerUrl, clientUrl].filter((url) => url !== undefined);
  return urls.filter((url) => URL.canParse(url)).map((url) => new URL(url).hostname);
}
