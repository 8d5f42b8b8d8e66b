/** A core in a process: its folder, its disk, its clock; how it begins, and how it ends. */

import { monotoneNow, randomSeed, wallNow } from '../base/ambient.ts';
import { LOG_LIMITS, MACHINE_LIMITS, type RaftLimits, REQUEST_LIMITS } from '../base/limits.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { Random } from '../base/random.ts';
import { raftLimitsFor, TIMING_DEFAULT, type Timing } from '../base/timing.ts';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import { CATALOG_SHARD, type NodeDescription } from '../catalog/cluster-map.ts';
import { NodeCore } from '../node/node-core.ts';
import type { EndReason, NodeFact } from '../node/node-parts.ts';
import { DiskFiles } from '../storage/files/disk-files.ts';
import type { Files } from '../storage/files/files.ts';
import type { FolderLock } from '../storage/files/folder-lock.ts';
import type { Log } from '../storage/log/log.ts';
import {
  beginLog,
  type InspectedLog,
  inspectLog,
  type OpenLogOptions,
} from '../storage/log/log-boot.ts';
import { dispensable } from '../storage/log/log-folder.ts';
import { SpaceReturned, StateStoreDamaged } from '../storage/state/state.ts';
import type { StateDisk } from '../storage/state/state-disk.ts';
import { openState } from '../storage/state/state-folder.ts';
import type { PeerIdentity } from '../transport/handshake.ts';
import type { Transport, TransportEvent } from '../transport/transport.ts';
import { NO_SECRET, type Secret } from '../wire/proof.ts';
import { DataFolder, FolderUnusable } from './data-folder.ts';
import { FatalGuard, type NodeEnd } from './fatal-guard.ts';
import { GuardedFiles, guardedDisk } from './guarded-disk.ts';
import type { StoredIdentity } from './identity-file.ts';
import { Loop } from './loop.ts';
import { repair } from './state-repair.ts';

interface NodeProcessOptions {
  readonly folder: string;
  readonly valueBytesMax: number;
  readonly timing?: Timing | undefined;
  /** That of the cluster; none if nothing is said. */
  readonly secret?: Secret | undefined;
  /** Tables that the state store has open at a time. */
  readonly tablesMax?: number | undefined;
  readonly onFact: (fact: NodeFact) => void;
  /** The files of the log: those of the system if nothing else is said. */
  readonly openFiles?: ((folder: string) => Files) | undefined;
}

/** Who lives in it, and how it is reached. */
interface StartOptions {
  readonly stored: StoredIdentity;
  /** The newest map that is at hand; no bytes for none. */
  readonly map: Uint8Array;
  readonly description: NodeDescription;
  /** It has addresses of others, which the map may not know. */
  readonly isEnquiring: boolean;
  readonly newTransport: (identity: PeerIdentity, onEvent: Listener) => Transport;
}

type Listener = (event: TransportEvent) => void;

const LEADERSHIP_LOOK_MILLISECONDS = 5;

const HEALING =
  'Start the node again: what the log or other replicas have is put in its place, and nothing ' +
  'that was acknowledged is lost';

export class NodeProcess {
  readonly folder: DataFolder;
  readonly guard = new FatalGuard();
  readonly #options: NodeProcessOptions;
  /** Reports of the disk; like frames, they are taken in before a tick that is late. */
  readonly #enter = (work: () => void) => {
    this.#loop.arrived();
    this.guard.run(work);
  };
  readonly #limits: RaftLimits;
  readonly #loop: Loop;
  readonly #lock: FolderLock;
  core: NodeCore | undefined;
  #files: GuardedFiles | undefined;
  /** Files of the log went, so that the state store could be opened. */
  #hasGivenUp = false;
  #disk: StateDisk | undefined;
  #transport: Transport | undefined;
  #left: Promise<void> | undefined;

  /**
   * The only way to one. Fails if the folder is in use, or was refused for good. Nothing in it is
   * changed then.
   */
  static async open(options: NodeProcessOptions): Promise<NodeProcess> {
    const folder = new DataFolder(options.folder);
    const lock = await folder.lock();
    try {
      const refusal = folder.readRefusal();
      if (refusal === undefined) return new NodeProcess(options, { folder, lock });
      throw new FolderUnusable(refusal, { isFinal: true });
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  constructor(
    options: NodeProcessOptions,
    { folder, lock }: { readonly folder: DataFolder; readonly lock: FolderLock },
  ) {
    this.#options = options;
    this.folder = folder;
    this.#lock = lock;
    this.#limits = raftLimitsFor(options.timing ?? TIMING_DEFAULT);
    const { tickMilliseconds } = this.#limits;
    this.#loop = new Loop({ guard: this.guard, tickMilliseconds });
  }

  /** If it fails, whoever called leaves. */
  async start(options: StartOptions): Promise<NodeCore> {
    const { folder } = this;
    const { stored } = options;
    const identity = identityOf(stored);
    const logOptions = this.#logOptions(stored);
    // Read and not changed: a life of the log begins once everything else is known to open.
    const inspected = this.#inspectLog(logOptions);
    const found = await this.#openStateWithin(identity).catch(ifDamaged);
    const isDamaged = found instanceof StateStoreDamaged;
    if (!isDamaged) this.#disk = found;
    const isAsRead = !this.#hasGivenUp;
    const log = await this.#beginLog(
      logOptions,
      isAsRead ? inspected : this.#inspectLog(logOptions),
    );
    if (!stored.hasLived) folder.writeIdentity({ ...stored, hasLived: true });
    const disk = isDamaged ? await this.#repairState(found, { log, identity }) : found;
    this.#disk = disk;
    const core = this.#assemble(options, log, guardedDisk(disk, this.#enter));
    this.core = core;
    // A node that joined never founds: without its map it waits to be told of the others.
    const { founding, cluster } = stored;
    if (founding !== undefined && core.map === undefined && isUnfounded(log)) {
      core.found(founding, cluster);
    }
    this.#loop.start(core);
    return core;
  }

  /** On a full disk the log gives up its reserve, then its spares, for what LevelDB writes. */
  async #openStateWithin(identity: Uint8Array): Promise<StateDisk> {
    const files = this.#files;
    const names = files === undefined ? [] : [...dispensable(files)];
    // Twice as many each time: what one attempt needs is not known, and each has to begin anew.
    for (let count = 1; ; count *= 2) {
      try {
        return await this.#openState(identity);
      } catch (error) {
        if (!isOfSpace(error)) throw error;
        if (names.length === 0) throw this.#unusable(NO_ROOM_FOR_STATE);
        this.#hasGivenUp = true;
        for (const name of names.splice(0, count)) {
          await new Promise<void>((resolve) => files?.remove(name, () => resolve()));
        }
      }
    }
  }

  /** Rejects with `StateStoreDamaged` if it is not what was written. */
  #openState(identity: Uint8Array): Promise<StateDisk> {
    return openState({
      tablesMax: this.#options.tablesMax,
      folder: this.folder.state,
      identity,
      onFault: (cause) => {
        const text = `the state store cannot be written: ${String(cause)}`;
        const kind = cause instanceof SpaceReturned ? 'reopen' : 'storage';
        this.guard.come({ kind, text });
      },
      onDamage: (damage) => {
        this.#heal(damage).catch((error) => this.guard.fail(error));
      },
    });
  }

  /** Mended, or a blank one in its place; throws if that would lose what it holds. */
  async #repairState(
    damage: StateStoreDamaged,
    { log, identity }: { readonly log: Log; readonly identity: Uint8Array },
  ): Promise<StateDisk> {
    const { path, state } = this.folder;
    const { onFact } = this.#options;
    const repaired = await repair({ folder: path, state, damage, log });
    const text = damage.message;
    if (repaired.type === 'mended') onFact({ type: 'state-mended', bits: repaired.bits, text });
    else onFact({ type: 'state-set-aside', aside: repaired.aside, text });
    return this.#openState(identity);
  }

  /**
   * What is read from a damaged store may be missing or old, and LevelDB copies what it does not
   * check: so others lead, and the node ends. Its next start makes the store anew.
   */
  async #heal(damage: StateStoreDamaged): Promise<void> {
    const { core, guard } = this;
    if (core !== undefined && !guard.isOver) await this.#retire(core);
    guard.come({ kind: 'reopen', text: `state-damaged: ${damage.message}. ${HEALING}` });
  }

  /** Leadership goes to others, who waits is answered, all is given back. Twice is once. */
  stop(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  #logOptions({ cluster, node, hasLived }: StoredIdentity): OpenLogOptions {
    const { folder } = this;
    const open = this.#options.openFiles ?? ((name) => new DiskFiles(name, [folder.state]));
    const files = new GuardedFiles(open(folder.log), this.#enter);
    this.#files = files;
    return {
      files,
      owner: { cluster, node },
      limits: LOG_LIMITS,
      random: new Random(randomSeed()),
      now: monotoneNow,
      isNew: !hasLived,
      onFault: (text: string) => this.guard.come({ kind: 'storage', text }),
    };
  }

  #inspectLog(options: OpenLogOptions): InspectedLog {
    const inspected = inspectLog(options);
    if (inspected.type === 'refused') throw this.#unusable(inspected.text);
    return inspected;
  }

  #beginLog(options: OpenLogOptions, inspected: InspectedLog): Promise<Log> {
    return new Promise((resolve, reject) => {
      // What breaks while the log opens is told by nobody else.
      const fail = ({ text }: NodeEnd) => reject(this.#unusable(text));
      this.guard.promise.then(fail, reject);
      beginLog(options, inspected, (opened) => {
        if (opened.type === 'opened') resolve(opened.log);
        else reject(this.#unusable(opened.text));
      });
    });
  }

  #unusable(text: string): FolderUnusable {
    return new FolderUnusable(`${this.folder.log}: ${text}`);
  }

  #assemble(inhabitant: StartOptions, log: Log, disk: StateDisk): NodeCore {
    const { stored, map, description, isEnquiring, newTransport } = inhabitant;
    const { node, cluster, joinToken } = stored;
    const { valueBytesMax, onFact, secret = NO_SECRET } = this.#options;
    // Nobody speaks before the core listens: a transport reports in later turns.
    const listener = (event: TransportEvent) => {
      this.#loop.arrived();
      this.guard.run(() => this.core?.take(event, monotoneNow()));
    };
    const identity: PeerIdentity = {
      cluster,
      node,
      lineage: log.lineage,
      features: [],
      secret,
      limits: {
        keyBytesMax: REQUEST_LIMITS.keyBytesMax,
        valueBytesMax,
        frameBytesMax: TRANSPORT_LIMITS.clientFrameBytesMax,
        batchBytesMax: MACHINE_LIMITS.valueBytesMax,
      },
    };
    const transport = newTransport(identity, listener);
    this.#transport = transport;
    return new NodeCore({
      self: {
        node,
        joinToken,
        description,
        identity: identityOf(stored),
      },
      log,
      disk,
      transport,
      random: new Random(randomSeed()),
      limits: this.#limits,
      valueBytesMax,
      secret,
      now: monotoneNow(),
      wall: wallNow(),
      map,
      isEnquiring,
      onWork: () => this.#loop.wake(),
      onMap: (bytes) => this.folder.keepMap(bytes),
      encodeInfo: (info) => new TextEncoder().encode(JSON.stringify(info)),
      onFact,
      onEnd: (reason, text) => this.#expel(reason, text),
    });
  }

  /** The others want nothing of this folder. As an old copy it is not to be tried again. */
  #expel(reason: EndReason, text: string): void {
    const kind = reason === 'removed' ? 'removed' : 'expelled';
    this.guard.come({ kind, text: reason === 'older-copy' ? this.folder.burn(text) : reason });
  }

  async #leave(): Promise<void> {
    const { core, guard } = this;
    // Its clients and peers are told at once: what is slow now is the disk, perhaps a failed one.
    if (guard.end !== undefined) this.#transport?.close(ENDED);
    if (core !== undefined && !guard.isOver) {
      await this.#retire(core);
      // No turn may hand anything to a log that is being closed.
      this.#loop.stop();
      // A disk that fails now answers no more, and one that hangs is not waited for.
      await this.#within(new Promise((resolve) => guard.run(() => core.close(resolve))));
    }
    guard.silence();
    this.#loop.stop();
    this.#transport?.close();
    await this.#giveBack();
    await this.#atMost(this.folder.settle());
    await this.#lock.release();
  }

  async #retire(core: NodeCore): Promise<void> {
    this.guard.run(() => core.retire());
    const until = monotoneNow() + NODE_LIMITS.retireMilliseconds;
    while (!core.hasRetired && monotoneNow() < until && !this.guard.isOver) {
      await new Promise((resume) => setTimeout(resume, LEADERSHIP_LOOK_MILLISECONDS));
    }
  }

  /** A core that came to its end cannot do this any more; after one that closed it is nothing. */
  async #giveBack(): Promise<void> {
    const disk = this.#disk;
    const files = this.#files;
    if (disk !== undefined) await this.#atMost(new Promise((resolve) => disk.close(resolve)));
    files?.close();
    if (files !== undefined) await this.#atMost(files.closed);
  }

  #within(work: Promise<void>): Promise<unknown> {
    return Promise.race([this.#atMost(work), this.guard.promise]);
  }

  async #atMost(work: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, NODE_LIMITS.closeMilliseconds);
    });
    await Promise.race([work, late]);
    clearTimeout(timer);
  }
}

/** The last word to clients and peers of a node that ends by itself. */
const ENDED = 'this node came to an end by itself; go on with another one';

/** What the state store is marked with. */
function identityOf({ cluster, node }: StoredIdentity): Uint8Array {
  return new TextEncoder().encode(`${cluster} ${node}`);
}

const NO_ROOM_FOR_STATE =
  'the disk is full, and the state store needs up to 64 MiB to open. Nothing was lost. Make room ' +
  'on the disk, and start it again';

/** As LevelDB tells what the system told it. */
function isOfSpace(error: unknown): boolean {
  return error instanceof Error && /no space left|quota exceeded/i.test(error.message);
}

function ifDamaged(error: unknown): StateStoreDamaged {
  if (error instanceof StateStoreDamaged) return error;
  throw error;
}

/** A log that knows data shards, or members that ended, belongs to a cluster that is there. */
function isUnfounded({ shards, tombstones }: Log): boolean {
  return tombstones.length === 0 && shards.every((shard) => shard === CATALOG_SHARD);
}
