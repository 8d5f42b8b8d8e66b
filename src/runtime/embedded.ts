/** An embedded node: durable, single, without a port; its failure never ends the process. */

import { monotoneNow } from '../base/ambient.ts';
import { isKvError, KvError } from '../base/errors.ts';
import { isError } from '../base/is-error.ts';
import { CATALOG_LIMITS, MACHINE_LIMITS } from '../base/limits.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { WATCH_LIMITS } from '../base/watch-limits.ts';
import type { NodeDescription } from '../catalog/cluster-map.ts';
import { decodeMap } from '../catalog/map-bytes.ts';
import type { NodeCore } from '../node/node-core.ts';
import type { NodeFact } from '../node/node-fact.ts';
import type { NodeState } from '../node/node-state.ts';
import { DataMachine } from '../shard/data-machine.ts';
import type { Files } from '../storage/files/files.ts';
import type { KeySource } from '../storage/sealing/key-source.ts';
import { InProcessTransport } from '../transport/in-process.ts';
import { TIMERS } from '../transport/timers.ts';
import { FolderInUse, FolderUnusable, type NodeHome } from './data-folder.ts';
import type { NodeEnd } from './fatal-guard.ts';
import { ALONE, identify } from './identity.ts';
import { MemoryHome } from './memory-home.ts';
import { NodeProcess } from './node-process.ts';
import { Restarts } from './restarts.ts';
import { StoreDamaged } from './state-repair.ts';

interface EmbeddedOptions {
  /** `:memory:` for a store without a folder. */
  readonly folder: string;
  /** Used only if the folder is new. */
  readonly shards?: number | undefined;
  readonly valueBytesMax?: number | undefined;
  readonly encryption?: KeySource | undefined;
  readonly openFiles?: ((folder: string) => Files) | undefined;
}

interface EmbeddedNode {
  readonly dial: InProcessTransport['dial'];
  /** The reason why the node ended by itself. */
  readonly ended: Promise<string>;
  /** Resolves when the folder is released. Safe to call twice. */
  readonly close: () => Promise<void>;
}

/**
 * One shard by default: atomic commands reach all keys, and a scan reads one shard. More shards are
 * for folders that will become a cluster later.
 */
const SHARDS_DEFAULT = 1;
const LOOK_MILLISECONDS = 1;

/** As in SQLite. */
const IN_MEMORY = ':memory:';

/** A placeholder address: an embedded node is never dialled. */
export const EMBEDDED_URL = 'ws://embedded';

const DESCRIPTION: NodeDescription = {
  name: '',
  peerUrl: EMBEDDED_URL,
  clientUrl: EMBEDDED_URL,
  weight: 1,
  zone: '',
};

interface Place extends EmbeddedOptions {
  /** Of a store in memory: its values survive a restart of its node. */
  readonly home: NodeHome | undefined;
}

/** One run of a node in this process. */
interface Run {
  readonly lines: InProcessTransport;
  readonly ended: Promise<NodeEnd>;
  readonly leave: () => Promise<void>;
}

/** Resolves when the node serves. Fails with a `KvError`, after the folder is released. */
export async function embed(options: EmbeddedOptions): Promise<EmbeddedNode> {
  const home = options.folder === IN_MEMORY ? new MemoryHome() : undefined;
  const place = { ...options, home };
  return new Embedding(place, await begin(place));
}

/**
 * The present node. If a restart repairs what ended it, a new node replaces it: its clients lose
 * their connections, reconnect, and continue.
 */
class Embedding implements EmbeddedNode {
  readonly #options: Place;
  readonly #restarts = new Restarts();
  #run: Run;
  #isClosed = false;
  /** Resolves when no restart is in progress. */
  #settled: Promise<void> = Promise.resolve();
  readonly ended: Promise<string>;
  #resolveEnded: (text: string) => void = () => {};

  constructor(options: Place, run: Run) {
    this.#options = options;
    this.#run = run;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#watch();
  }

  readonly dial: InProcessTransport['dial'] = (listener) => this.#run.lines.dial(listener);

  readonly close = async (): Promise<void> => {
    this.#isClosed = true;
    await this.#settled;
    await this.#run.leave();
  };

  #watch(): void {
    void this.#run.ended.then((end) => {
      if (this.#isClosed || !this.#restarts.isDue(end, monotoneNow())) {
        return this.#resolveEnded(end.text);
      }
      this.#settled = this.#restart().catch((error) => this.#resolveEnded(String(error)));
    });
  }

  async #restart(): Promise<void> {
    await this.#run.leave();
    if (this.#isClosed) return;
    this.#run = await begin(this.#options);
    this.#watch();
  }
}

async function begin(options: Place): Promise<Run> {
  const { shards = SHARDS_DEFAULT, valueBytesMax = MACHINE_LIMITS.valueBytesDefault } = options;
  checkCount('shards', shards, CATALOG_LIMITS.shardsMax);
  checkCount('valueBytesMax', valueBytesMax, MACHINE_LIMITS.valueBytesMax);
  const { folder, home, openFiles, encryption } = options;
  if (encryption !== undefined && home !== undefined) throw nothingToEncrypt();
  let nodeProcess: NodeProcess | undefined;
  try {
    const losses: string[] = [];
    const onFact = (fact: NodeFact) => losses.push(...lossIn(fact));
    nodeProcess = await NodeProcess.open({
      folder,
      home,
      valueBytesMax,
      historyBytesMax: WATCH_LIMITS.historyBytesEmbedded,
      onFact,
      encryption,
      openFiles,
    });
    return await settleIn(nodeProcess, shards, losses);
  } catch (cause) {
    await nodeProcess?.stop();
    throw errorOf(cause);
  }
}

async function settleIn(
  nodeProcess: NodeProcess,
  shards: number,
  losses: readonly string[],
): Promise<Run> {
  const { folder, guard } = nodeProcess;
  const { stored, map } = await identify({
    ...ALONE,
    init: { shards, replicas: 3 },
    folder,
    description: DESCRIPTION,
    onAffiliation: () => {},
    onWaiting: () => {},
    signal: undefined,
  });
  if ((decodeMap(map, undefined)?.nodes.length ?? 0) > 1) throw memberOf(folder.path);
  const lines: InProcessTransport[] = [];
  const core = await nodeProcess.start({
    isEnquiring: false,
    stored,
    map,
    description: DESCRIPTION,
    newTransport: (identity, onEvent) => {
      const made = new InProcessTransport({ identity, schedule: TIMERS, onEvent });
      lines.push(made);
      return made;
    },
  });
  await serving(core, nodeProcess, losses);
  const [inner] = lines;
  if (inner === undefined)
    throw new FolderUnusable(`${folder.path}: the node has no in-process transport`);
  return {
    lines: inner,
    ended: guard.promise,
    leave: () => nodeProcess.stop(),
  };
}

/** The only voter campaigns at once: no other leader can exist. */
async function serving(
  core: NodeCore,
  { guard, folder }: NodeProcess,
  losses: readonly string[],
): Promise<void> {
  const until = core.state.now + NODE_LIMITS.openMilliseconds;
  for (;;) {
    if (guard.isOver) throw new FolderUnusable(`${folder.path}: ${(await guard.promise).text}`);
    if (hasOthers(core.state)) throw memberOf(folder.path);
    if (isServing(core.state)) return;
    const [loss] = losses;
    if (loss !== undefined) throw damaged(core.state, folder.path, loss);
    if (core.state.now > until) {
      const seconds = NODE_LIMITS.openMilliseconds / 1000;
      const slowest = core.state.log.metrics().longestSyncMilliseconds.toFixed(1);
      throw new FolderUnusable(
        `${folder.path}: the store did not start within ${seconds} s; the slowest sync of its ` +
          `disk took ${slowest} ms. No data were lost: open it again when the disk is less busy`,
      );
    }
    guard.run(() => {
      for (const replica of core.state.replicas.all) {
        if (replica.status().role === 'follower') replica.step({ type: 'campaign' });
      }
    });
    await new Promise((resume) => setTimeout(resume, LOOK_MILLISECONDS));
  }
}

/** Damage that a single replica cannot repair: there is no other replica to copy from. */
function lossIn(fact: NodeFact): readonly string[] {
  if (fact.type === 'replica-lost') return [`shard ${fact.shard}: ${fact.reason}`];
  if (fact.type === 'state-quarantined') {
    return [
      `shard ${fact.shard}: its state is damaged, or its log does not reach back to its state`,
    ];
  }
  if (fact.type !== 'raft' || fact.fact !== 'damage-prevented-campaign') return [];
  return [`shard ${fact.shard}: entries of its log are damaged`];
}

/** Maximum number of damaged places that are listed. */
const PLACES_MAX = 4;

function damaged({ log }: NodeState, path: string, loss: string): FolderUnusable {
  const places = log.damage.slice(0, PLACES_MAX).map(({ file, offset, index, text }) => {
    const entry = index === undefined ? '' : `, entry ${index}`;
    return `${file} at byte ${offset}${entry}: ${text}`;
  });
  const more = log.damage.length - places.length;
  const where = [...places, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
  return new FolderUnusable(
    `${path} is damaged, and no other replica has the missing data (${loss}). ` +
      `${where === '' ? '' : `In the log: ${where}. `}` +
      'No data were changed. Restore an intact copy of the whole folder, or recover the intact ' +
      `data with \`kvctl salvage ${path}\` and load them into another store`,
  );
}

/** Whether the node belongs to a cluster of several: by its map, or by the voters of a shard. */
function hasOthers({ map, replicas }: NodeState): boolean {
  if (map !== undefined && map.nodes.length > 1) return true;
  return [...replicas.all].some((replica) => {
    const { voters, learners } = replica.status().configuration.configuration;
    return voters.length + learners.length > 1;
  });
}

/** Without a port the node would be an unreachable member of its cluster. */
function memberOf(path: string): FolderUnusable {
  return new FolderUnusable(
    `the folder ${path} belongs to a node of a cluster with several nodes, which could not reach ` +
      'an embedded node. No data were changed. Start it with `kvctl start`, and ' +
      'use `connect`',
  );
}

/** This node leads every shard, and every shard knows its arc. */
function isServing({ map, replicas }: NodeState): boolean {
  if (map === undefined) return false;
  return map.shards.every(({ shard }) => {
    const replica = replicas.get(shard);
    if (replica?.isLeader !== true) return false;
    const { applied, last } = replica.status();
    // Unapplied entries may change the map.
    if (applied < last.index) return false;
    return !(replica.machine instanceof DataMachine) || replica.machine.epoch > 0;
  });
}

function nothingToEncrypt(): KvError {
  const message = 'a store in memory has nothing to encrypt: open a folder, or omit `encryption`';
  return new KvError({ code: 'invalid-argument', outcome: 'notApplied', message });
}

function checkCount(name: string, count: number, max: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= max) return;
  const message = `${name} must be a whole number from 1 to ${max} (got ${count})`;
  throw new KvError({ code: 'invalid-argument', outcome: 'notApplied', message });
}

function codeOf(cause: unknown): 'folder-in-use' | 'folder-unusable' | 'store-damaged' {
  if (cause instanceof FolderInUse) return 'folder-in-use';
  return cause instanceof StoreDamaged ? 'store-damaged' : 'folder-unusable';
}

function errorOf(cause: unknown): KvError {
  if (isKvError(cause)) return cause;
  const message = isError(cause) ? cause.message : String(cause);
  return new KvError({ code: codeOf(cause), outcome: 'notApplied', message, cause });
}
