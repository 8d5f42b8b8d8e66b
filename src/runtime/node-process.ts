/** A node core with its folder, disk and clock: its start and its end. */

import { monotoneNow, processorTime, randomSeed, secureBytes, wallNow } from '../base/ambient.ts';
import { isError } from '../base/is-error.ts';
import { MACHINE_LIMITS, type RaftLimits, REQUEST_LIMITS } from '../base/limits.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { Random } from '../base/random.ts';
import { raftLimitsFor, TIMING_DEFAULT, type Timing } from '../base/timing.ts';
import { TRANSPORT_LIMITS } from '../base/transport-limits.ts';
import { CATALOG_SHARD, type NodeDescription } from '../catalog/cluster-map.ts';
import { NodeCore } from '../node/node-core.ts';
import type { EndReason, NodeFact } from '../node/node-fact.ts';
import { ScryptPasswords } from '../passwords/scrypt-passwords.ts';
import type { Files } from '../storage/files/files.ts';
import type { FolderLock } from '../storage/files/folder-lock.ts';
import { LOG_LIMITS } from '../storage/limits.ts';
import type { Log } from '../storage/log/log.ts';
import {
  beginLog,
  type InspectedLog,
  inspectLog,
  type OpenLogOptions,
} from '../storage/log/log-boot.ts';
import { dispensable } from '../storage/log/log-folder.ts';
import type { KeySource } from '../storage/sealing/key-source.ts';
import { SpaceReturned, StateStoreDamaged } from '../storage/state/state.ts';
import type { StateDisk } from '../storage/state/state-disk.ts';
import type { PeerIdentity } from '../transport/handshake.ts';
import type { Transport, TransportEvent } from '../transport/transport.ts';
import { NO_SECRET, type Secret } from '../wire/proof.ts';
import type { Auditing } from './auditing.ts';
import { DataFolder, FolderUnusable, type NodeHome } from './data-folder.ts';
import { type DataKeys, openDataKeys } from './encryption.ts';
import { FatalGuard, type NodeEnd } from './fatal-guard.ts';
import { GuardedFiles, guardedDisk } from './guarded-disk.ts';
import type { StoredIdentity } from './identity-file.ts';
import { Loop } from './loop.ts';
import { repair } from './state-repair.ts';

interface NodeProcessOptions {
  readonly folder: string;
  /** In place of the folder: the node leaves nothing on disk. */
  readonly home?: NodeHome | undefined;
  readonly valueBytesMax: number;
  /** Memory for the changes that watches continue from; 64 MiB by default. */
  readonly historyBytesMax?: number | undefined;
  readonly timing?: Timing | undefined;
  /** Whether leaders gather on one node while it has time to spare, as they do by default. */
  readonly leaders?: 'gathered' | 'spread' | undefined;
  /** The cluster secret; none by default. */
  readonly secret?: Secret | undefined;
  /** Peers have to present their certificates. */
  readonly isCertified?: boolean | undefined;
  /** Encrypts the folder, or opens an encrypted one. */
  readonly encryption?: KeySource | undefined;
  /** Maximum number of open tables of the state store. */
  readonly tablesMax?: number | undefined;
  readonly onFact: (fact: NodeFact) => void;
  /** Undefined: nothing is audited. It is closed before the folder is released. */
  readonly auditing?: Pick<Auditing, 'policy' | 'onProgress' | 'progress' | 'close'> | undefined;
  /** The file system of the log; the real one by default. */
  readonly openFiles?: ((folder: string) => Files) | undefined;
}

interface OpenFolder {
  readonly folder: NodeHome;
  readonly lock: FolderLock;
  readonly dataKeys: DataKeys | undefined;
}

/** The identity and the transport of the node. */
interface StartOptions {
  readonly stored: StoredIdentity;
  /** The newest stored map; empty if there is none. */
  readonly map: Uint8Array;
  readonly description: NodeDescription;
  /** It has addresses of other nodes, which the map may not contain. */
  readonly isEnquiring: boolean;
  readonly newTransport: (identity: PeerIdentity, onEvent: Listener) => Transport;
}

type Listener = (event: TransportEvent) => void;

const LOOK_MILLISECONDS = 2;

const HEALING =
  'Restart the node: it rebuilds the store from its log or from other replicas, and no ' +
  'acknowledged write is lost';

export class NodeProcess {
  readonly folder: NodeHome;
  readonly guard = new FatalGuard();
  readonly #options: NodeProcessOptions;
  /** Completions of the disk; like frames, they are processed before a late tick. */
  readonly #enter = (work: () => void) => {
    this.#loop.arrived();
    this.guard.run(work);
  };
  readonly #limits: RaftLimits;
  readonly #loop: Loop;
  readonly #lock: FolderLock;
  readonly #dataKeys: DataKeys | undefined;
  core: NodeCore | undefined;
  #files: GuardedFiles | undefined;
  /** Spare files of the log were deleted to free space for opening the state store. */
  #hasGivenUp = false;
  #disk: StateDisk | undefined;
  #transport: Transport | undefined;
  #passwords: ScryptPasswords | undefined;
  #left: Promise<void> | undefined;

  /**
   * The only constructor. Fails if the folder is in use or was refused permanently, without
   * changing it.
   */
  static async open(options: NodeProcessOptions): Promise<NodeProcess> {
    const folder = options.home ?? new DataFolder(options.folder);
    const lock = await folder.lock();
    try {
      const refusal = folder.readRefusal();
      if (refusal !== undefined) throw new FolderUnusable(refusal, { isFinal: true });
      const dataKeys = await dataKeysOf(folder, options);
      return new NodeProcess(options, { folder, lock, dataKeys });
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  constructor(options: NodeProcessOptions, { folder, lock, dataKeys }: OpenFolder) {
    this.#options = options;
    this.folder = folder;
    this.#lock = lock;
    this.#dataKeys = dataKeys;
    this.#limits = raftLimitsFor(options.timing ?? TIMING_DEFAULT);
    const { tickMilliseconds } = this.#limits;
    this.#loop = new Loop({ guard: this.guard, tickMilliseconds });
  }

  /** If it fails, the caller closes the process. */
  async start(options: StartOptions): Promise<NodeCore> {
    const { folder } = this;
    const { stored } = options;
    const identity = this.#identityOf(stored);
    const logOptions = this.#logOptions(stored);
    // Read only: the log is opened for writing once everything else has been opened.
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
    this.#followTrail(core);
    // A node that joined never founds: without its map it waits for one from other nodes.
    const { founding, cluster } = stored;
    if (founding !== undefined && core.state.map === undefined && isUnfounded(log)) {
      core.found(founding, cluster);
    }
    this.#loop.start(core);
    const { onFact } = this.#options;
    this.#dataKeys?.start({
      added: (number) => onFact({ type: 'data-key-added', number }),
      failed: (text) => onFact({ type: 'data-keys-unusable', text }),
    });
    return core;
  }

  #followTrail(core: NodeCore): void {
    const { auditing } = this.#options;
    if (auditing === undefined) return;
    auditing.onProgress = (progress) => this.#enter(() => core.audited(progress));
    if (auditing.progress !== undefined) core.audited(auditing.progress);
  }

  /** On a full disk the log frees its reserve, then its spare files, for LevelDB. */
  async #openStateWithin(identity: Uint8Array): Promise<StateDisk> {
    const files = this.#files;
    const names = files === undefined ? [] : [...dispensable(files)];
    // Doubles the amount each time: the need is unknown, and each attempt starts from scratch.
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

  /** Rejects with `StateStoreDamaged` if the store is damaged. */
  #openState(identity: Uint8Array): Promise<StateDisk> {
    return this.folder.openState({
      tablesMax: this.#options.tablesMax,
      keyring: this.#dataKeys?.keyring,
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

  /** Repairs the store or replaces it with an empty one; throws if that would lose data. */
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
   * Reads from a damaged store may be incomplete or stale, and LevelDB copies rows that it does not
   * verify: so the node hands over leadership and ends. Its next start rebuilds the store.
   */
  async #heal(damage: StateStoreDamaged): Promise<void> {
    const { core, guard } = this;
    if (core !== undefined && !guard.isOver) await this.#retire(core);
    guard.come({ kind: 'reopen', text: `state-damaged: ${damage.message}. ${HEALING}` });
  }

  /** Transfers leadership, answers pending requests, releases everything. Safe to call twice. */
  stop(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  /** The owner mark of the state store. */
  #identityOf({ cluster, node }: StoredIdentity): Uint8Array {
    const how = this.#dataKeys === undefined ? '' : ' encrypted';
    return new TextEncoder().encode(`${cluster} ${node}${how}`);
  }

  #logOptions({ cluster, node, hasLived }: StoredIdentity): OpenLogOptions {
    const { folder } = this;
    const opened = this.#options.openFiles?.(folder.log) ?? folder.openFiles();
    const files = new GuardedFiles(opened, this.#enter);
    this.#files = files;
    return {
      files,
      owner: { cluster, node },
      limits: LOG_LIMITS,
      random: new Random(randomSeed()),
      keyring: this.#dataKeys?.keyring,
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
      // No other code reports a failure while the log is being opened.
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
    const { valueBytesMax, historyBytesMax, onFact, secret = NO_SECRET } = this.#options;
    const { isCertified = false, leaders } = this.#options;
    // No event is lost before the core listens: a transport reports in later turns.
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
      isCertified,
      limits: {
        keyBytesMax: REQUEST_LIMITS.keyBytesMax,
        valueBytesMax,
        frameBytesMax: TRANSPORT_LIMITS.clientFrameBytesMax,
        batchBytesMax: MACHINE_LIMITS.valueBytesMax,
      },
    };
    const transport = newTransport(identity, listener);
    this.#transport = transport;
    const passwords = new ScryptPasswords({
      onAnswer: (answer) => {
        this.#enter(() => this.core?.passwordChecked(answer, monotoneNow()));
      },
    });
    this.#passwords = passwords;
    return new NodeCore({
      logins: { passwords, secureBytes },
      self: {
        node,
        joinToken,
        description,
        identity: this.#identityOf(stored),
      },
      log,
      disk,
      transport,
      random: new Random(randomSeed()),
      limits: this.#limits,
      valueBytesMax,
      historyBytesMax,
      leaders,
      processorTime,
      secret,
      isCertified,
      now: monotoneNow(),
      wall: wallNow(),
      map,
      isEnquiring,
      audit: this.#options.auditing?.policy,
      onWork: () => this.#loop.wake(),
      onMap: (bytes) => this.folder.keepMap(bytes),
      encodeInfo: (info) => new TextEncoder().encode(JSON.stringify(info)),
      onFact,
      onEnd: (reason, text) => this.#expel(reason, text),
    });
  }

  /** The cluster refuses this folder. An old copy is marked, so that it is not tried again. */
  #expel(reason: EndReason, text: string): void {
    const kind = reason === 'removed' ? 'removed' : 'expelled';
    this.guard.come({ kind, text: reason === 'older-copy' ? this.folder.burn(text) : reason });
  }

  async #leave(): Promise<void> {
    const { core, guard } = this;
    // Clients and peers are disconnected first: the disk may be slow or have failed.
    if (guard.end !== undefined) this.#transport?.close(ENDED);
    if (core !== undefined && !guard.isOver) {
      await this.#retire(core);
      await this.#saveState(core);
      // No turn may append to a log that is being closed.
      this.#loop.stop();
      // Completions are ignored now, and a hanging disk is not awaited.
      await this.#within(new Promise((resolve) => guard.run(() => core.close(resolve))));
    }
    guard.silence();
    this.#dataKeys?.stop();
    this.#loop.stop();
    this.#passwords?.close();
    this.#transport?.close();
    await this.#giveBack();
    const { auditing } = this.#options;
    await this.#atMost(Promise.all([this.folder.settle(), auditing?.close()]).then(() => {}));
    await this.#lock.release();
  }

  async #retire(core: NodeCore): Promise<void> {
    this.guard.run(() => core.retire());
    await this.#until(() => core.hasRetired, NODE_LIMITS.retireMilliseconds);
  }

  /**
   * A store of a process that never lives long would otherwise apply its whole log at each start.
   * Once: the log keeps what this last write contains, in case that is damaged.
   */
  async #saveState(core: NodeCore): Promise<void> {
    this.guard.run(() => core.saveState());
    await this.#until(() => core.hasSavedState, NODE_LIMITS.saveMilliseconds);
  }

  /** Until it is so, or too late, or the node has ended. */
  async #until(isSo: () => boolean, milliseconds: number): Promise<void> {
    const until = monotoneNow() + milliseconds;
    while (!isSo() && monotoneNow() < until && !this.guard.isOver) {
      await new Promise((resume) => setTimeout(resume, LOOK_MILLISECONDS));
    }
  }

  /** Has no effect on a core that ended or closed. */
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

/** The close reason for clients and peers of a node that ends by itself. */
const ENDED = 'this node ended by itself; use another node';

function dataKeysOf(
  folder: NodeHome,
  { home, encryption }: NodeProcessOptions,
): Promise<DataKeys | undefined> {
  if (home !== undefined) return Promise.resolve(undefined);
  const isUsed = folder.readIdentity() !== undefined;
  return openDataKeys({ path: folder.path, isUsed }, encryption);
}

const NO_ROOM_FOR_STATE =
  'the disk is full, and the state store needs up to 64 MiB to open. No data were lost. Free ' +
  'space on the disk, and start the node again';

/** LevelDB's text of the system error. */
function isOfSpace(error: unknown): boolean {
  return isError(error) && /no space left|quota exceeded/i.test(error.message);
}

function ifDamaged(error: unknown): StateStoreDamaged {
  if (error instanceof StateStoreDamaged) return error;
  throw error;
}

/** A log with data shards or tombstones belongs to an existing cluster. */
function isUnfounded({ shards, tombstones }: Log): boolean {
  return tombstones.length === 0 && shards.every((shard) => shard === CATALOG_SHARD);
}
