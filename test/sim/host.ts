/** One node: events come in, a turn steps all replicas, one flush carries out their requests. */

import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import type { Mark, RaftEvent, StepResult } from '../../src/raft/ready.ts';
import type { RestoredReplica, ShardRecord } from '../../src/storage/log/log.ts';
import { type Vault, vaultOf } from '../support/twins/vault.ts';
import { boot } from './boot.ts';
import { Disk } from './disk.ts';
import { SimFailure } from './failure.ts';
import { flushReplicas } from './flush.ts';
import { handle } from './handle.ts';
import { ReplicaImage } from './image.ts';
import { INPUT_KINDS, type Input } from './input.ts';
import { Ledger } from './ledger.ts';
import { NodeClock } from './node-clock.ts';
import { loseState } from './orders.ts';
import { Peers, SILENT_TICKS_MIN } from './peers.ts';
import { Replica } from './replica.ts';
import { propose } from './service.ts';
import type { Services } from './services.ts';
import type { Storage } from './storage.ts';

/** A loop that is busy for longer than this makes its timers late. */
const LATE_MILLISECONDS = 10;

/** A supervisor restarts a process that ended. */
const RESTART_MILLISECONDS = [100, 3000] as const;

/** Ends a turn in the middle: the process crashed between two effects. */
export class Death extends Error {
  override readonly name = 'Death';
}

export class Host {
  readonly id: number;
  readonly services: Services;
  readonly disk: Disk;
  /** Half of the nodes seal what is on disk. */
  readonly vault: Vault | undefined;
  readonly ledger: Ledger;
  /** Open while the process runs and has read its disk. */
  storage: Storage | undefined;
  readonly random: Random;
  readonly replicas = new Map<ShardId, Replica>();
  readonly marks = new Map<number, { readonly replica: Replica; readonly mark: Mark }[]>();
  /** Records that can wait for the next append. */
  readonly lazy: ShardRecord[] = [];
  /** Replicas that are receiving a snapshot. */
  readonly arriving = new Set<Replica>();
  clock: NodeClock;
  /** The rate of this node's clock relative to the world's. */
  rate = 1;
  peers: Peers;
  #inbox: Input[] = [];
  /** Completions of the disk: handled at the beginning of a turn. */
  #completions: (() => void)[] = [];
  boot = 0;
  /** How others identify this life. It also ends when a replica is given up: see `destroy`. */
  lives = 0;
  isUp = false;
  /** Never to be started again. */
  isRetired = false;
  /** The node has started on this disk before. */
  hasLived = false;
  /** A fault of the disk that may cost all its data. */
  isSuspect = false;
  /** Damage that the log tolerated is still on its disk: with more it may be too much. */
  isScarred = false;
  /** The disk reported writes that it did not do. */
  isLiedTo = false;
  /** The folder is not this node's: it must be refused. */
  mustRefuse = false;
  /** Shards with a corrupted row, detected or not. */
  readonly corruptionChanged = new Set<ShardId>();
  /** A node with a new disk is a new node to the others. */
  disks = 0;
  isPaused = false;
  #pausedAt = 0;
  /** A late timer runs after all input that waits on the sockets, or at its original time. */
  #isTickLast = false;
  #owesTick = false;
  #isPlanned = false;
  #freeAt = 0;
  #startedAt = 0;
  #isStarting = false;
  ticks = 0;
  /** The number of the last read that was requested of a core. */
  lastRead = 0;
  /** Effects that are left before the process crashes. */
  effectsLeft = Number.POSITIVE_INFINITY;

  constructor(id: number, services: Services) {
    this.id = id;
    this.services = services;
    this.random = services.random.fork(`host ${id}`);
    this.vault = vaultOf(this.random.fork('sealing'));
    this.clock = new NodeClock({ virtual: 0, reading: 0, rate: 1 });
    this.peers = this.#newPeers();
    this.ledger = new Ledger({ node: id, now: () => services.agenda.now });
    this.disk = new Disk({
      agenda: services.agenda,
      random: services.random.fork(`disk ${id}`),
      probes: services.probes,
      deliver: (complete) => {
        if (!this.isUp) return;
        this.#completions.push(complete);
        this.#plan();
      },
    });
  }

  #newPeers(): Peers {
    const { plan, agenda } = this.services;
    const ticks = Math.max(plan.limits.electionTicksMin, SILENT_TICKS_MIN);
    const silence = ticks * plan.limits.tickMilliseconds;
    return new Peers({ nodes: plan.nodes, now: this.clock.read(agenda.now), silence });
  }

  start(): void {
    if (this.isUp || this.isRetired) return;
    const { agenda } = this.services;
    this.boot += 1;
    this.lives += 1;
    this.#startedAt = agenda.now;
    this.isUp = true;
    const reading = this.random.below(1e9);
    this.clock = new NodeClock({ virtual: agenda.now, reading, rate: this.rate });
    this.peers = this.#newPeers();
    boot(this);
  }

  /** The disk was read: the replicas on it start. */
  open(storage: Storage): void {
    this.storage = storage;
    this.isSuspect = false;
    this.isLiedTo = false;
    for (const shard of storage.log.shards) {
      const restored = storage.log.replica(shard);
      if (restored !== undefined) this.join(shard, restored);
    }
    this.scheduleTick();
    this.#plan();
  }

  join(shard: ShardId, restored: RestoredReplica): void {
    const { services, storage, id: node, boot: life } = this;
    if (storage === undefined) return;
    const { member, configurations } = restored;
    if (!restored.mayVote) {
      services.probes.hit('host started without a vote');
      services.registry.impair(shard, member);
    }
    const durable = this.ledger.durable.get(shard);
    const [first] = configurations;
    if (first === undefined)
      throw new SimFailure('host', 'no node takes part', { time: Number.NaN });
    const image = durable?.member === member ? durable.copy() : new ReplicaImage(member, first);
    const options = { services, storage, node, boot: life, shard, restored, image };
    const replica = new Replica(options);
    this.replicas.set(shard, replica);
    const isBehind = storage.state.description(shard).index < restored.log.base.index;
    if (!isBehind && !storage.state.isDamaged(shard)) return;
    services.probes.hit('host started without a state');
    loseState(this, replica);
  }

  /** The log cannot be used now. Sometimes that passes, sometimes the node is lost with it. */
  refuse(text: string): void {
    const { services } = this;
    const isFull = this.disk.wasFullSince(this.#startedAt) && /full|ENOSPC/.test(text);
    if (isFull || (this.disk.wasFailingSince(this.#startedAt) && text.includes('EIO'))) {
      services.probes.hit(isFull ? 'storage refused: full' : 'storage refused: failing');
      this.end();
      this.#startLater();
      return;
    }
    if (!this.isSuspect) {
      throw new SimFailure('storage', text, { node: this.id, time: services.agenda.now });
    }
    services.probes.hit('storage refused: damaged');
    this.wipe();
    this.#startLater();
  }

  /** A write or a sync failed: the content of the disk is unknown, so the node must end. */
  endByFault(line: string): never {
    this.services.probes.hit('storage fault ended the process');
    this.#startLater();
    throw new Death(line);
  }

  #startLater(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    const [least, most] = RESTART_MILLISECONDS;
    this.services.agenda.after(this.random.between(least, most), () => {
      this.#isStarting = false;
      this.start();
    });
  }

  /** The power fails, or only the process ends. */
  crash(): void {
    if (!this.isUp) return;
    const isPowerLost = this.random.chance(0.5);
    this.end();
    if (isPowerLost) this.disk.crash();
  }

  /** The process ends. */
  end(): void {
    if (!this.isUp) return;
    if (this.storage === undefined) this.services.probes.hit('disk death while booting');
    this.isUp = false;
    this.isPaused = false;
    this.storage = undefined;
    this.#inbox = [];
    this.#completions = [];
    this.#owesTick = false;
    this.replicas.clear();
    this.arriving.clear();
    this.marks.clear();
    this.lazy.length = 0;
    this.effectsLeft = Number.POSITIVE_INFINITY;
    if (this.isLiedTo) this.disk.files.heal();
    this.disk.kill();
  }

  /** The disk is lost; its members never come back. */
  wipe(): void {
    this.end();
    for (const [shard, image] of this.ledger.durable) {
      this.services.registry.bury(image);
      this.services.registry.impair(shard, image.member);
    }
    this.ledger.wipe();
    this.disk.wipe();
    this.disks += 1;
    this.corruptionChanged.clear();
    this.hasLived = false;
    this.isSuspect = false;
    this.isScarred = false;
    this.isLiedTo = false;
    this.mustRefuse = false;
  }

  pause(): void {
    if (!this.isUp || this.isPaused) return;
    this.isPaused = true;
    this.#pausedAt = this.services.agenda.now;
    this.#isTickLast = this.random.chance(0.5);
  }

  /** The clock of a suspended machine stood still; that of a stopped process went on. */
  resume({ isSuspended }: { readonly isSuspended: boolean }): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    const { now } = this.services.agenda;
    if (isSuspended) this.clock.skip(this.#pausedAt, now);
    this.#plan();
  }

  /** The event loop is busy. */
  stall(milliseconds: number): void {
    // A node's loop drains its sockets first; in other profiles safety is tried without that.
    this.#isTickLast = this.random.chance(0.5) || this.services.plan.isSlow;
    this.#freeAt = Math.max(this.#freeAt, this.services.agenda.now) + milliseconds;
  }

  setRate(rate: number): void {
    this.rate = rate;
    this.clock.setRate(this.services.agenda.now, rate);
  }

  /** One tick is scheduled at a time: the next comes a whole interval after the last one ran. */
  scheduleTick(due = this.#now + this.services.plan.limits.tickMilliseconds): void {
    const { agenda } = this.services;
    const { boot: life } = this;
    agenda.after(this.clock.virtualFor(Math.max(0, due - this.#now)), () => {
      if (!this.isUp || this.boot !== life) return;
      const isLate = this.isPaused || this.#freeAt > agenda.now + LATE_MILLISECONDS;
      // The clock stood still, or was made slower: the tick is not due yet.
      if (this.#now + 0.001 < due) this.scheduleTick(due);
      else if (isLate && this.#isTickLast) this.#owesTick = true;
      else this.push({ type: 'tick' });
      this.#plan();
    });
  }

  get #now(): number {
    return this.clock.read(this.services.agenda.now);
  }

  push(input: Input): void {
    if (this.storage === undefined) return;
    this.#inbox.push(input);
    this.#plan();
  }

  /** Orders that have not been carried out yet never will be. */
  forgetOrders(): void {
    this.#inbox = this.#inbox.filter(({ type }) => type !== 'order');
  }

  #plan(): void {
    if (this.#isPlanned || this.isPaused || !this.isUp) return;
    this.#isPlanned = true;
    const { agenda } = this.services;
    const { boot } = this;
    agenda.lastAt(Math.max(agenda.now, this.#freeAt), () => {
      this.#isPlanned = false;
      if (this.isUp && !this.isPaused && this.boot === boot) this.#turn();
      else if (this.isUp) this.#plan();
    });
  }

  #turn(): void {
    const { buggify, agenda } = this.services;
    const completions = this.#completions;
    this.#completions = [];
    let count = completions.length;
    let hasMore = false;
    try {
      for (const complete of completions) {
        this.effect();
        complete();
        if (!this.isUp) return;
      }
      const inputs = this.#inbox;
      if (this.#owesTick) inputs.push({ type: 'tick' });
      this.#owesTick = false;
      this.#inbox = [];
      count += inputs.length;
      for (const input of inputs) handle(this, input);
      for (const replica of this.replicas.values()) propose(this, replica);
      for (const replica of this.arriving) this.#checkArrival(replica);
      flushReplicas(this);
      hasMore = this.storage?.work(this.#now) ?? false;
    } catch (error) {
      if (!(error instanceof Death)) throw error;
      this.services.probes.hit('fault crash-effect bit');
      this.crash();
      return;
    }
    this.#freeAt = agenda.now + 0.02 + count * 0.01;
    if (buggify.fires('turn-stall', 200)) this.stall(this.random.between(5, 200));
    if (hasMore || this.#inbox.length > 0 || this.#hasReady()) this.#plan();
  }

  /** Tells the core that a snapshot is complete, or cannot be completed any more. */
  #checkArrival(replica: Replica): void {
    const { shard, arrival } = replica;
    const check = this.replicas.get(shard) === replica ? arrival.check() : undefined;
    if (check === undefined) {
      if (this.replicas.get(shard) !== replica) this.arriving.delete(replica);
      return;
    }
    this.arriving.delete(replica);
    this.step(replica, { type: 'snapshot-checked', ...check });
  }

  #hasReady(): boolean {
    for (const replica of this.replicas.values()) if (replica.raft.hasReady) return true;
    return false;
  }

  note(input: Input, word: number): void {
    const { trace, agenda } = this.services;
    trace.note(agenda.now, this.id, INPUT_KINDS.indexOf(input.type), word);
  }

  step(replica: Replica, event: RaftEvent): StepResult {
    const outcome = replica.raft.step(event);
    if (outcome.type === 'refused') this.services.probes.hit(`refused ${outcome.reason}`);
    return outcome;
  }

  append(records: readonly ShardRecord[], done: () => void = () => {}): void {
    this.effect();
    this.storage?.append(records, done);
  }

  /** A shard left: messages that could wait for the next append have no receiver. */
  forgetLazy(shard: ShardId): void {
    const kept = this.lazy.filter((record) => record.shard !== shard);
    this.lazy.splice(0, this.lazy.length, ...kept);
  }

  reportDurable(life: number, operation: number): void {
    const { agenda, buggify } = this.services;
    if (!buggify.fires('durable-report-late')) {
      this.push({ type: 'durable', operation });
      return;
    }
    agenda.after(this.random.between(1, 300), () => {
      if (this.boot === life) this.push({ type: 'durable', operation });
    });
  }

  /** Counts one effect; the process may end with it. */
  effect(): void {
    this.effectsLeft -= 1;
    if (this.effectsLeft <= 0) throw new Death();
  }

  memberOf(shard: ShardId): MemberId | undefined {
    const replica = this.replicas.get(shard);
    return this.storage === undefined ? this.ledger.durable.get(shard)?.member : replica?.member;
  }
}
