/** A computer: disks that outlive the process, and a process that runs a node's core. */

import type { NodeId, ShardId } from '../../src/base/ids.ts';
import type { Lineage } from '../../src/base/life.ts';
import type { RaftLimits } from '../../src/base/limits.ts';
import type { Random } from '../../src/base/random.ts';
import type { Settings } from '../../src/catalog/cluster-map.ts';
import { Discovery } from '../../src/node/discovery.ts';
import { NodeCore } from '../../src/node/node-core.ts';
import type { NodeFact } from '../../src/node/node-fact.ts';
import { Addresses } from '../../src/node/peer-discovery.ts';
import type { Position } from '../../src/raft/position.ts';
import type { Log } from '../../src/storage/log/log.ts';
import { openLog } from '../../src/storage/log/log-boot.ts';
import type { StateDisk } from '../../src/storage/state/state-disk.ts';
import type { Schedule, Sockets } from '../../src/transport/sockets.ts';
import { Switchboard } from '../../src/transport/switchboard.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { SimFailure } from '../sim/failure.ts';
import { NodeClock } from '../sim/node-clock.ts';
import { promiseCopies, rotEntryIn, rotRow, rotVoteIn } from '../sim/rot.ts';
import { MemoryFiles } from '../support/twins/memory-files.ts';
import { MemoryState } from '../support/twins/memory-state.ts';
import { openedState, type Vault, vaultOf } from '../support/twins/vault.ts';
import { type Amend, amendLog } from './amended-log.ts';
import { CLOCK } from './customer.ts';
import { type DiskSpeed, GOOD_SPEED, latencyOf } from './disk-speed.ts';
import { WatchedFiles, watchSockets } from './effects.ts';
import { crashState, type FolderCopy, type SimulatedIdentity, segmentsOf } from './folder.ts';
import { HeldLoop } from './held-loop.ts';
import type { LoadOf } from './processor.ts';
import type { Sizes } from './sizes.ts';
import { randomnessOf, SECRET, type Surroundings, scheduleOf } from './surroundings.ts';
import type { Witness } from './witness.ts';

const [TICK_MILLISECONDS, YEAR_MILLISECONDS] = [20, 365 * 24 * 3_600_000];

interface ComputerOptions {
  readonly url: string;
  /** No two computers draw the same numbers, even if one takes the address of another. */
  readonly name: string;
  readonly surroundings: Surroundings;
  readonly witness: Witness;
  readonly limits: RaftLimits;
  readonly sizes: Sizes;
  readonly historyBytesMax: number;
  readonly loadOf: LoadOf;
  /** The addresses in its configuration, as a process that starts now reads them. */
  readonly configured: () => readonly string[];
}

interface Ports {
  readonly sockets: Sockets;
  readonly schedule: Schedule;
}

/** How a process crashes: alone, or with the power of its computer. */
export type Death = 'kill' | 'power';

/** Models the end of a process in the middle of its work. */
const DEATH = new Error('the process dies here');

export class Computer {
  readonly url: string;
  readonly #options: ComputerOptions;
  readonly #surroundings: Surroundings;
  readonly #random: Random;
  readonly #files: MemoryFiles;
  readonly #state: MemoryState;
  /** Half of the computers seal what is on disk. */
  #vault: Vault | undefined;
  /** Wall clocks differ by years. */
  readonly #wall: number;
  identity: SimulatedIdentity | undefined;
  core: NodeCore | undefined;
  clock: NodeClock;
  speed: DiskSpeed = GOOD_SPEED;
  /** Number of processes that ran here; a completion for an earlier one is ignored. */
  #life = 0;
  #watchReplicas: () => void = () => {};
  #isPlanned = false;
  readonly #loop: HeldLoop;
  #fileFreeAt = 0;
  /** Effects of the state disk that are left before the process crashes at one. */
  #stateEffectsLeft = Number.POSITIVE_INFINITY;
  #promises: ReadonlyMap<string, Uint8Array> = new Map();
  #segments = '';
  /** The next write fails, or a later one. */
  #isFailing = false;
  isUp = false;
  /** Its disk is gone, or it was removed from the cluster: this node does not exist any more. */
  isLost = false;
  /** The operator is removing it from the cluster. */
  isToGo = false;
  /** It existed when the clients connected. */
  isFirst = false;
  /** Its folder is lost, and an old copy took its place: the cluster must refuse it. */
  isCopy = false;
  /** That copy was refused for good, and reported it. */
  refusal = '';
  /** A life was confirmed: the milliseconds from the start of the process. */
  onConfirmed: (milliseconds: number) => void = () => {};
  onRefused: () => void = () => {};
  /** Shards of which a row was corrupted here, detected or not. */
  readonly rotten = new Set<ShardId>();
  /** Called before every effect that outlives the process: on disk, or on the network. */
  onEffect: () => Death | undefined = () => undefined;
  /** How it crashes at the present effect; drawn unless it was set. */
  #death: Death | undefined;
  /** The operator may start it again. */
  onDeath: () => void = () => {};

  constructor(options: ComputerOptions) {
    const { url, name, surroundings } = options;
    this.url = url;
    this.#options = options;
    this.#surroundings = surroundings;
    const { agenda, random } = surroundings;
    this.#random = random.fork(`computer ${name}`);
    this.#vault = vaultOf(this.#random.fork('sealing'));
    this.#wall = 1_700_000_000_000 + this.#random.between(-3, 3) * YEAR_MILLISECONDS;
    this.clock = this.#newClock();
    this.#loop = new HeldLoop(agenda, (work) => this.#guard(work));
    const complete = (report: () => void) => {
      // One queue for each disk: completions come in the order of the calls.
      const due = Math.max(this.#fileFreeAt, agenda.now) + latencyOf(this.speed, this.#random);
      this.#fileFreeAt = due;
      agenda.at(due, () => this.#guard(report));
    };
    const scheduleSoon = (done: () => void) => agenda.after(0, () => this.#guard(done));
    this.#files = new MemoryFiles({ schedule: complete, scheduleSoon });
    this.#state = new MemoryState({
      schedule: (report) =>
        agenda.after(latencyOf(this.speed, this.#random) * 2, () => this.#guard(report)),
      onEffect: () => {
        this.#stateEffectsLeft -= 1;
        if (this.#stateEffectsLeft <= 0) throw DEATH;
        this.#meetEffect();
      },
    });
    this.#state.onFault = () => this.#die();
  }

  get node(): NodeId | undefined {
    return this.identity?.node;
  }

  /** A folder that no node has used gets its owner. */
  settle(identity: Omit<SimulatedIdentity, 'hasLived'>): void {
    this.identity = { ...identity, hasLived: false };
  }

  start(found?: Settings): void {
    const { identity } = this;
    const isGone = this.isLost && (!this.isCopy || this.refusal !== '');
    if (this.isUp || isGone || identity === undefined) return;
    this.isUp = true;
    this.#life += 1;
    const life = this.#life;
    this.clock = this.#newClock();
    this.#loop.begin();
    const { cluster, node, hasLived } = identity;
    const wasFull = this.#isFull;
    const keyring = this.#vault?.open();
    openLog(
      {
        files: new WatchedFiles(this.#files, { onEffect: () => this.#meetEffect() }),
        owner: { cluster, node },
        limits: this.#options.sizes.log,
        random: this.#random.fork(`log ${life}`),
        keyring,
        now: () => this.#surroundings.agenda.now,
        isNew: !hasLived,
        onFault: () => this.#die(),
      },
      (opened) => {
        if (this.#life !== life) return;
        if (opened.type === 'refused') {
          // Without space, or on a bad disk, it cannot start. The operator will try again.
          if (wasFull || this.#isFull || this.#isFailing) return this.#die();
          this.#fail(`the log would not open: ${opened.text}`);
        }
        identity.hasLived = true;
        this.#guard(() => this.#run(opened.log, openedState(this.#state, keyring), found));
      },
    );
  }

  /** The process ends; if the power fails too, the disk keeps a possible part of its writes. */
  crash({ isPower }: { readonly isPower: boolean }): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.#life += 1;
    this.#loop.begin();
    this.core = undefined;
    this.#stateEffectsLeft = Number.POSITIVE_INFINITY;
    if (isPower) this.#files.crash(this.#random);
    else this.#files.kill();
    this.#files.heal();
    this.#isFailing = false;
    this.#state.fault = undefined;
    const { probes } = this.#surroundings;
    crashState(this.#state, { life: this.#life, random: this.#random, probes });
    this.#surroundings.network.crash(this.url);
  }

  /** For ever, with everything on its disk. */
  lose(): void {
    this.crash({ isPower: true });
    this.isLost = true;
  }

  /** What a person would copy of its data folder now, whether it is in use or not. */
  copyFolder(): FolderCopy {
    const { identity } = this;
    if (identity === undefined) this.#fail('there is no folder to copy');
    const [files, state] = [this.#files.image(), this.#state.rows()];
    return { identity: { ...identity }, files, state, vault: this.#vault };
  }

  /** Of a computer that is down: an old copy takes the place of its folder, which is lost. */
  putBack(copy: FolderCopy): void {
    this.isLost = true;
    this.isCopy = true;
    this.turnBack(copy);
  }

  /** The same with a copy that its cluster will accept: for tests of the consequences. */
  turnBack({ identity, files, state, vault }: FolderCopy): void {
    this.#vault = vault;
    this.identity = { ...identity };
    this.#files.restore(files);
    this.#state.restore(state);
  }

  /** Of a computer that is down: its log of a shard gets a write that no life of it would make. */
  amendLog(shard: ShardId, amend: Amend): void {
    const { identity: owner } = this;
    if (owner === undefined || this.isUp) this.#fail('there is no folder to amend');
    const random = this.#random.fork(`amended log ${this.#life}`);
    const [files, now] = [this.#files, () => this.#surroundings.agenda.now];
    amendLog({ files, owner, random, now, keyring: this.#vault?.open() }, shard, amend);
  }

  /** Corrupts a row of the state on disk; returns whether there was one. */
  rot(shard: ShardId): boolean {
    const isRotten = rotRow(this.#state, shard, this.#random);
    if (isRotten) this.rotten.add(shard);
    return isRotten;
  }

  /** Of a computer that is down: the state of every shard is lost; the log is sound. */
  loseState(): void {
    for (const [key] of this.#state.rows()) this.#state.damage(key, () => undefined);
  }

  /** What `loseVote` will restore: hard-state files that lack later promises. */
  keepPromises(): void {
    this.#promises = promiseCopies(this.#files);
    this.#segments = segmentsOf(this.#files);
  }

  /** Of a computer that is down: its last vote in a shard is lost; returns whether it had one. */
  loseVote(shard: ShardId): boolean {
    const damage = { stale: this.#promises, random: this.#random };
    // Files from before a switch of segments would make a folder that cannot be opened.
    if (this.isUp || this.#promises.size === 0) return false;
    if (segmentsOf(this.#files) !== this.#segments) return false;
    return rotVoteIn(this.#files, shard, damage);
  }

  /** Of a computer that is down: an entry of its log is corrupted; returns whether it had it. */
  rotEntry(shard: ShardId, { index, term }: Position): boolean {
    return !this.isUp && rotEntryIn(this.#files, { shard, index, term }, this.#random);
  }

  /** The process crashes at one of the next effects on one of its disks. */
  dieSoon(): void {
    const effects = this.#random.between(1, 40);
    if (this.#random.chance(0.5)) this.#files.dieAt = this.#files.effects + effects;
    else this.#stateEffectsLeft = Math.ceil(effects / 4);
  }

  /** A write or its sync fails. */
  failDisk(): void {
    this.#isFailing = true;
    if (this.#random.chance(0.3)) this.#state.fault = new Error('EIO');
    else this.#files.plan({ on: this.#random.pick(['write', 'sync']), errno: 'EIO' });
  }

  /** The disk of the log is full. */
  fillDisk(left = this.#random.pick([0, 1000, 300_000])): void {
    const files = [...this.#files.image().values()];
    const bytes = files.reduce((sum, { length }) => sum + length, 0);
    this.#files.capacity = bytes + left;
  }

  get #isFull(): boolean {
    return this.#files.capacity < Number.POSITIVE_INFINITY;
  }

  emptyDisk(): void {
    this.#files.capacity = Number.POSITIVE_INFINITY;
  }

  /** Its clock runs faster or slower from now on, within the permitted drift. */
  drift(): void {
    const rate = this.#random.pick([CLOCK.slowest, 1, CLOCK.fastest]);
    this.clock.setRate(this.#surroundings.agenda.now, rate);
  }

  /** The process is suspended: input waits, and so do its timers. */
  stall(milliseconds: number): void {
    this.#loop.hold(milliseconds);
  }

  /** It continues early. */
  resume(): void {
    this.#loop.resume();
    // A turn that was scheduled for the end of the stall is due now.
    this.#isPlanned = false;
    this.#plan(this.#life);
  }

  /** By itself: a disk failed, or it crashed at an effect. */
  #die(): void {
    if (!this.isUp) return;
    if (this.isLost) return this.crash({ isPower: false });
    const death = this.#death;
    this.#death = undefined;
    const isPower = death === undefined ? this.#random.chance(0.5) : death === 'power';
    this.crash({ isPower });
    this.onDeath();
  }

  #meetEffect(): void {
    if (!this.isUp) return;
    this.#death = this.onEffect();
    if (this.#death !== undefined) throw DEATH;
  }

  /** Runs work in which the process may crash, and detects whether it did. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (error !== DEATH) throw error;
      return this.#die();
    }
    if (this.isUp && this.#files.isDead) this.#die();
  }

  #run(log: Log, disk: StateDisk, found: Settings | undefined): void {
    const { identity } = this;
    if (identity === undefined) return;
    const life = this.#life;
    const { cluster, node, joinToken } = identity;
    const ports = this.#portsOf(life);
    const addresses = new Addresses();
    const transport = addresses.around(this.#transport(identity, log.lineage, ports));
    const urls = this.#options.configured().filter((url) => url !== this.url);
    const clock = () => this.#now;
    const core = new NodeCore({
      self: {
        node,
        joinToken,
        description: { name: '', peerUrl: this.url, clientUrl: this.url, weight: 1, zone: '' },
        identity: new TextEncoder().encode(`${cluster} ${node}`),
      },
      log,
      disk,
      transport,
      random: this.#random.fork(`core ${life}`),
      limits: this.#options.limits,
      valueBytesMax: this.#options.sizes.frames.valueBytesMax,
      historyBytesMax: this.#options.historyBytesMax,
      ...this.#options.loadOf({ url: this.url, random: this.#random.fork('load'), clock }),
      now: this.#now,
      wall: this.#wall + this.#now,
      map: identity.map,
      isEnquiring: urls.length > 0,
      onWork: () => this.#plan(life),
      onMap: (bytes) => {
        identity.map = bytes.slice();
      },
      encodeInfo: () => new Uint8Array(),
      onFact: (fact) => {
        this.#note(fact);
        if (fact.type !== 'confirmed') return;
        this.#watchReplicas();
        this.#confirmed(fact.milliseconds);
      },
      onEnd: (reason, text) => this.#end(reason, text),
    });
    this.#watchReplicas = this.#options.witness.watch(core);
    this.core = core;
    if (found !== undefined && core.state.map === undefined) core.found(found, cluster);
    this.#tick(life, () => this.core?.tick(this.#now));
    const guard = (work: () => void) => this.#guard(work);
    new Discovery({ core, cluster, urls, ...ports, addresses, guard }).start();
    this.#plan(life);
  }

  #confirmed(milliseconds: number): void {
    if (this.isCopy) this.#fail('an old copy of a folder was accepted');
    else this.onConfirmed(milliseconds);
  }

  #portsOf(life: number): Ports {
    const { agenda, network } = this.#surroundings;
    const host = network.host(this.url, { isHeld: () => this.#loop.isHeld });
    return {
      sockets: watchSockets(host, {
        onEffect: () => this.#meetEffect(),
        guard: (work) => this.#loop.arrive(work),
      }),
      schedule: scheduleOf({
        agenda,
        isAlive: () => this.#life === life,
        guard: (work) => this.#guard(work),
        due: (run) => this.#loop.due(run),
      }),
    };
  }

  #transport({ cluster, node }: SimulatedIdentity, lineage: Lineage, ports: Ports): Transport {
    const rules = { limits: this.#options.sizes.frames, secret: SECRET };
    return new Switchboard({
      identity: { cluster, node, lineage, features: [], ...rules },
      ...ports,
      ...randomnessOf(this.#random.fork(`transport ${this.#life}`)),
      onEvent: (event) => this.core?.take(event, this.#now),
    });
  }

  #plan(life: number): void {
    if (this.#isPlanned || this.#life !== life) return;
    this.#isPlanned = true;
    const { agenda } = this.#surroundings;
    agenda.lastAt(Math.max(agenda.now + 0.02, this.#loop.heldUntil), () => {
      this.#isPlanned = false;
      if (this.#life !== life || this.#loop.isHeld) return this.#plan(this.#life);
      this.#guard(() => {
        this.#watchReplicas();
        if (this.core?.flush(this.#now)) this.#plan(life);
      });
    });
  }

  #tick(life: number, run: () => void): void {
    const { agenda } = this.#surroundings;
    agenda.after(this.clock.virtualFor(TICK_MILLISECONDS), () => {
      if (this.#life !== life) return;
      this.#loop.due(run);
      this.#tick(life, run);
    });
  }

  get #now(): number {
    return this.clock.read(this.#surroundings.agenda.now);
  }

  #newClock(): NodeClock {
    const { agenda } = this.#surroundings;
    const reading = this.#random.below(1e6);
    const rate = this.#random.pick([1, 1, CLOCK.slowest, CLOCK.fastest]);
    return new NodeClock({ virtual: agenda.now, reading, rate });
  }

  #note(fact: NodeFact): void {
    const { probes } = this.#surroundings;
    probes.hit(fact.type === 'raft' ? fact.fact : fact.type);
    if (fact.type === 'state-restored') this.rotten.delete(fact.shard);
    if (fact.type === 'state-diverged' && !this.rotten.has(fact.shard)) {
      this.#fail(`its replica of shard ${fact.shard} differs as of entry ${fact.index}`);
    }
    if (fact.type === 'frame-refused') this.#fail(`a sound frame was refused: ${fact.from}`);
  }

  /** A removed node ends by itself, for good; nothing on it is needed. */
  #end(reason: string, text: string): void {
    if (reason === 'older-copy' && this.isCopy) {
      this.refusal = text;
      this.#surroundings.agenda.after(0, () => this.onRefused());
      throw DEATH;
    }
    if (reason !== 'removed' || !this.isToGo) {
      this.#fail(`the node was told to end: ${reason}: ${text}`);
    }
    this.#surroundings.probes.hit('a node learned that it was removed');
    this.isLost = true;
    throw DEATH;
  }

  #fail(message: string): never {
    const { now: time } = this.#surroundings.agenda;
    throw new SimFailure('node', message, { node: this.node, time });
  }
}
