/** A node in its surroundings: a folder, a port, a clock, a process. */

import { monotoneNow, randomSeed, wallNow } from '../base/ambient.ts';
import { LOG_LIMITS, MACHINE_LIMITS, REQUEST_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { Random } from '../base/random.ts';
import type { NodeDescription, Settings } from '../catalog/cluster-map.ts';
import { NodeCore } from '../core/node-core.ts';
import { DiskFiles } from '../storage/disk-files.ts';
import { openLevelState } from '../storage/level-state.ts';
import type { Log } from '../storage/log.ts';
import { openLog } from '../storage/log-boot.ts';
import type { StateDisk } from '../storage/state-disk.ts';
import { Switchboard } from '../transport/switchboard.ts';
import { TIMERS } from '../transport/timers.ts';
import type { TransportEvent } from '../transport/transport.ts';
import { WebSockets } from '../transport/web-sockets.ts';
import { DataFolder, FolderUnusable } from './data-folder.ts';
import { Ending } from './ending.ts';
import { identify } from './identity.ts';
import { type Logger, logFact, newLogger } from './logger.ts';
import { Loop } from './loop.ts';
import type { Passport } from './passport.ts';
import { answerTo } from './plain-answers.ts';

export interface NodeOptions {
  readonly folder: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** How others reach it, if that is not where it listens. */
  readonly advertise: {
    readonly peerUrl?: string | undefined;
    readonly clientUrl?: string | undefined;
  };
  readonly weight: number;
  readonly zone: string;
  /** Listening beyond loopback, where anybody may read and write everything. */
  readonly isInsecureAllowed: boolean;
  readonly valueBytesMax: number;
  /** Begins a cluster, if the folder is new. */
  readonly init?: Settings | undefined;
  /** Nodes of a cluster to join, if the folder is new. */
  readonly join: readonly string[];
  readonly logLevel: string;
}

export interface RunningNode {
  readonly node: number;
  readonly cluster: string;
  readonly clientUrl: string;
  /** Hands leadership over, answers what is in flight, and gives everything back. */
  stop(): Promise<void>;
  /** Why it came to an end by itself. */
  readonly ended: Promise<string>;
}

/** How long a node that stops waits for others to take its leadership over. */
const RETIRE_MILLISECONDS_MAX = 3000;
const RETIRE_LOOK_MILLISECONDS = 20;

/** Resolves when it listens and has its number. Fails with a text that says what to do. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const folder = new DataFolder(options.folder);
  const house = new House(options, folder);
  const { host, port } = options.listen;
  const sockets = await WebSockets.listen({
    host,
    port,
    isInsecureAllowed: options.isInsecureAllowed,
    answer: (path) => answerTo(house.core, path),
    onFault: (text) => house.logger.warn({ text }, 'network'),
  });
  try {
    await house.moveIn(sockets);
  } catch (error) {
    await sockets.close();
    throw error;
  }
  return house;
}

class House implements RunningNode {
  readonly logger: Logger;
  readonly #options: NodeOptions;
  readonly #folder: DataFolder;
  readonly #ending = new Ending();
  readonly #loop = new Loop();
  core: NodeCore | undefined;
  #passport: Passport | undefined;
  #transport: Switchboard | undefined;
  #sockets: WebSockets | undefined;
  #stopped: Promise<void> | undefined;
  clientUrl = '';

  constructor(options: NodeOptions, folder: DataFolder) {
    this.#options = options;
    this.#folder = folder;
    this.logger = newLogger(options.logLevel);
  }

  get node(): number {
    return this.#passport?.node ?? 0;
  }

  get cluster(): string {
    return this.#passport?.cluster ?? '';
  }

  get ended(): Promise<string> {
    return this.#ending.promise;
  }

  async moveIn(sockets: WebSockets): Promise<void> {
    this.#sockets = sockets;
    const description = this.#describe(sockets.port);
    this.clientUrl = description.clientUrl;
    const { init, join } = this.#options;
    const isFounding = init !== undefined;
    const folder = this.#folder;
    const { passport, map } = await identify({ folder, description, isFounding, join });
    this.#passport = passport;
    const log = await openNodeLog(folder, passport, (line) => this.#ending.end(line));
    if (!passport.hasLived) folder.writePassport({ ...passport, hasLived: true });
    const disk = await openLevelState({
      folder: folder.state,
      onFault: (cause) => this.#ending.end(`the state store cannot be written: ${String(cause)}`),
    });
    const core = this.#assemble({ log, disk, map, description, passport, sockets });
    this.core = core;
    if (init !== undefined && core.map === undefined) core.found(init, passport.cluster);
    this.#loop.start(core, (error) => this.#ending.end(textOf(error)));
    const { node, cluster } = passport;
    const { incarnation } = log;
    this.logger.info({ node, cluster, url: this.clientUrl, incarnation }, 'the node is up');
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  #describe(port: number): NodeDescription {
    const { listen, advertise, weight, zone } = this.#options;
    const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
    const url = `ws://${host}:${port}`;
    const { peerUrl = url, clientUrl = url } = advertise;
    return { peerUrl, clientUrl, weight, zone };
  }

  #assemble(parts: Parts): NodeCore {
    const { log, disk, map, description, passport } = parts;
    const { node, cluster, joinToken } = passport;
    const identity = new TextEncoder().encode(`${cluster} ${node}`);
    // Nobody speaks before the core listens: sockets report in later turns.
    const listener = (event: TransportEvent) => {
      if (event.type === 'refused') this.logger.warn(event, 'a connection was refused');
      else this.core?.take(event, monotoneNow());
    };
    const transport = this.#newTransport(parts, listener);
    this.#transport = transport;
    return new NodeCore({
      self: { node, joinToken, life: new Random(randomSeed()).word(), description, identity },
      log,
      disk,
      transport,
      random: new Random(randomSeed()),
      valueBytesMax: this.#options.valueBytesMax,
      now: monotoneNow(),
      wall: wallNow(),
      map,
      onWork: () => this.#loop.wake(),
      onMap: (bytes) => this.#folder.keepMap(bytes),
      encodeInfo: (info) => new TextEncoder().encode(JSON.stringify(info)),
      onFact: (fact) => logFact(this.logger, fact),
      onEnd: (reason) => this.#ending.end(reason),
    });
  }

  #newTransport({ log, passport, sockets }: Parts, onEvent: (event: TransportEvent) => void) {
    const { cluster, node } = passport;
    const { incarnation } = log;
    const limits = {
      keyBytesMax: REQUEST_LIMITS.keyBytesMax,
      valueBytesMax: this.#options.valueBytesMax,
      frameBytesMax: WIRE_LIMITS.frameBytesMax,
      batchBytesMax: MACHINE_LIMITS.valueBytesMax,
    };
    return new Switchboard({
      identity: { cluster, node, incarnation, features: [], limits },
      sockets,
      schedule: TIMERS,
      random: new Random(randomSeed()),
      onEvent,
    });
  }

  async #stop(): Promise<void> {
    const { core } = this;
    if (core !== undefined && !this.#ending.isOver) {
      core.retire();
      const until = monotoneNow() + RETIRE_MILLISECONDS_MAX;
      while (!core.hasRetired && monotoneNow() < until && !this.#ending.isOver) {
        await new Promise((resume) => setTimeout(resume, RETIRE_LOOK_MILLISECONDS));
      }
      // No turn may hand anything to a log that is being closed.
      this.#loop.stop();
      const closed = new Promise<void>((resolve) => core.close(resolve));
      // A disk that fails now answers no more.
      await Promise.race([closed, this.ended]);
    }
    this.#loop.stop();
    this.#transport?.close();
    await this.#sockets?.close();
  }
}

interface Parts {
  readonly log: Log;
  readonly disk: StateDisk;
  readonly map: Uint8Array;
  readonly description: NodeDescription;
  readonly passport: Passport;
  readonly sockets: WebSockets;
}

function openNodeLog(
  folder: DataFolder,
  { cluster, node, hasLived }: Passport,
  onFault: (line: string) => void,
): Promise<Log> {
  return new Promise((resolve, reject) => {
    const files = new DiskFiles(folder.log);
    const options = {
      files,
      owner: { cluster, node },
      limits: LOG_LIMITS,
      random: new Random(randomSeed()),
      now: () => monotoneNow(),
      isNew: !hasLived,
      onFault,
    };
    openLog(options, (opened) => {
      if (opened.type === 'opened') resolve(opened.log);
      else reject(new FolderUnusable(`${folder.log}: ${opened.text}`));
    });
  });
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
