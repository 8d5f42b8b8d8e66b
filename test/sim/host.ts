/** One node: events come in, a turn steps them all, one flush does what the replicas want. */

import { hash } from '../../src/base/hash.ts';
import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import type { Message } from '../../src/raft/message.ts';
import type { Mark, Outcome, RaftEvent } from '../../src/raft/ready.ts';
import { decodeFrame } from '../../src/wire/frame.ts';
import { Disk, type DiskRecord } from './disk.ts';
import { SimFailure } from './failure.ts';
import { flushReplicas } from './flush.ts';
import type { ReplicaImage } from './image.ts';
import { INPUT_KINDS, type Input } from './input.ts';
import type { Frame } from './network.ts';
import { NodeClock } from './node-clock.ts';
import { obey } from './orders.ts';
import { Peers, SILENT_TICKS_MIN } from './peers.ts';
import { Replica } from './replica.ts';
import { askLease, propose, serve } from './service.ts';
import type { Services } from './services.ts';

/** A loop that is busy for longer than this makes its timers late. */
const LATE_MILLISECONDS = 10;

/** How often a node looks whether damage can be cut away. */
const TIDY_TICKS = 50;

/** Ends a turn in the middle: the process died between two effects. */
export class Death extends Error {
  override readonly name = 'Death';
}

export class Host {
  readonly id: number;
  readonly services: Services;
  readonly disk: Disk;
  readonly random: Random;
  readonly replicas = new Map<ShardId, Replica>();
  readonly marks = new Map<number, { readonly replica: Replica; readonly mark: Mark }[]>();
  /** Records that can wait for the next operation. */
  readonly lazy: DiskRecord[] = [];
  clock: NodeClock;
  /** By how much this node's clock runs faster than the world's. */
  rate = 1;
  peers: Peers;
  #inbox: Input[] = [];
  boot = 0;
  isUp = false;
  isPaused = false;
  #pausedAt = 0;
  /** A timer that is late comes behind all that waits on the sockets; or where its time was. */
  #isTickLast = false;
  #owesTick = false;
  #isPlanned = false;
  #freeAt = 0;
  #ticks = 0;
  /** The number of the last read that was asked of a core. */
  lastRead = 0;
  /** Effects that are left before the process dies. */
  effectsLeft = Number.POSITIVE_INFINITY;

  constructor(id: number, services: Services) {
    this.id = id;
    this.services = services;
    this.random = services.random.fork(`host ${id}`);
    this.clock = new NodeClock({ virtual: 0, reading: 0, rate: 1 });
    this.peers = this.#newPeers();
    this.disk = new Disk({
      agenda: services.agenda,
      random: services.random.fork(`disk ${id}`),
      probes: services.probes,
      onDurable: (operation) => this.#reportDurable(operation),
      onCheckpoint: (shard, member, { description }) => {
        this.push({ type: 'checkpointed', shard, member, index: description.index });
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
    if (this.isUp) return;
    const { agenda } = this.services;
    this.boot += 1;
    this.isUp = true;
    const reading = this.random.below(1e9);
    this.clock = new NodeClock({ virtual: agenda.now, reading, rate: this.rate });
    this.peers = this.#newPeers();
    const images = [...this.disk.written].sort(([one], [other]) => one - other);
    for (const [shard, image] of images) this.open(shard, image);
    this.#scheduleTick(this.boot);
  }

  open(shard: ShardId, image: ReplicaImage): void {
    const { services, disk, id: node, boot } = this;
    const hadVote = !image.isVoteLost;
    if (!hadVote) services.probes.hit('host started without a vote');
    this.replicas.set(shard, new Replica({ services, disk, node, boot, shard, image }));
  }

  /** The process ends; the disk keeps what a crash leaves it. */
  crash(): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.isPaused = false;
    this.#inbox = [];
    this.#owesTick = false;
    this.replicas.clear();
    this.marks.clear();
    this.lazy.length = 0;
    this.effectsLeft = Number.POSITIVE_INFINITY;
    this.disk.crash();
  }

  /** The disk is lost; its members never come back. */
  wipe(): void {
    this.crash();
    for (const [shard, image] of this.disk.durable) {
      this.services.registry.bury(image);
      this.services.registry.impair(shard, image.member);
    }
    this.disk.wipe();
  }

  pause(): void {
    if (!this.isUp || this.isPaused) return;
    this.isPaused = true;
    this.#pausedAt = this.services.agenda.now;
    this.#isTickLast = this.random.chance(0.5);
  }

  /** A suspended machine's clock stood still; a stopped process's went on. */
  resume({ isSuspended }: { readonly isSuspended: boolean }): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    const { now } = this.services.agenda;
    if (isSuspended) this.clock.skip(this.#pausedAt, now);
    this.#plan();
  }

  /** The event loop is busy. */
  stall(milliseconds: number): void {
    this.#isTickLast = this.random.chance(0.5);
    this.#freeAt = Math.max(this.#freeAt, this.services.agenda.now) + milliseconds;
  }

  setRate(rate: number): void {
    this.rate = rate;
    this.clock.setRate(this.services.agenda.now, rate);
  }

  /** One tick is out at a time: the next comes a whole unit after the last was handled. */
  #scheduleTick(boot: number, due = this.#now + this.services.plan.limits.tickMilliseconds): void {
    const { agenda } = this.services;
    agenda.after(this.clock.virtualFor(Math.max(0, due - this.#now)), () => {
      if (!this.isUp || this.boot !== boot) return;
      const isLate = this.isPaused || this.#freeAt > agenda.now + LATE_MILLISECONDS;
      // The clock stood still, or was made slower: it is not time yet.
      if (this.#now + 0.001 < due) this.#scheduleTick(boot, due);
      else if (isLate && this.#isTickLast) this.#owesTick = true;
      else this.push({ type: 'tick' });
      this.#plan();
    });
  }

  get #now(): number {
    return this.clock.read(this.services.agenda.now);
  }

  push(input: Input): void {
    if (!this.isUp) return;
    this.#inbox.push(input);
    this.#plan();
  }

  /** Orders that have not been obeyed yet never will be. */
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
    const inputs = this.#inbox;
    if (this.#owesTick) inputs.push({ type: 'tick' });
    this.#owesTick = false;
    this.#inbox = [];
    try {
      for (const input of inputs) this.#handle(input);
      for (const replica of this.replicas.values()) propose(this, replica);
      flushReplicas(this);
    } catch (error) {
      if (!(error instanceof Death)) throw error;
      this.services.probes.hit('fault crash-effect bit');
      this.crash();
      return;
    }
    this.#freeAt = agenda.now + 0.02 + inputs.length * 0.01;
    if (buggify.fires('turn-stall', 200)) this.stall(this.random.between(5, 200));
    if (this.#inbox.length > 0 || this.#hasReady()) this.#plan();
  }

  #hasReady(): boolean {
    for (const replica of this.replicas.values()) if (replica.raft.hasReady) return true;
    return false;
  }

  #note(input: Input, word: number): void {
    const { trace, agenda } = this.services;
    trace.note(agenda.now, this.id, INPUT_KINDS.indexOf(input.type), word);
  }

  step(replica: Replica, event: RaftEvent): Outcome {
    const outcome = replica.raft.step(event);
    if (outcome.type === 'refused') this.services.probes.hit(`refused ${outcome.reason}`);
    return outcome;
  }

  #handle(input: Input): void {
    switch (input.type) {
      case 'frame':
        this.#note(input, hash(input.frame.bytes, input.frame.from));
        return this.#receive(input.frame);
      case 'tick':
        this.#note(input, this.boot);
        return this.#tick();
      case 'durable':
        this.#note(input, input.operation);
        return this.#settle(input.operation);
      case 'checkpointed':
      case 'checked':
      case 'drain':
        this.#note(input, input.shard);
        return this.#progress(input);
      case 'broken':
        this.#note(input, input.peer);
        return this.#loseTouch(input.peer);
      case 'request':
        this.#note(input, input.request.operation.id);
        return serve(this, input.request);
      case 'lease':
        return askLease(this, input.request, input.read);
      case 'order':
        this.#note(input, input.order.shard);
        return obey(this, input.order);
    }
  }

  #tick(): void {
    const { agenda, buggify } = this.services;
    const now = this.clock.read(agenda.now);
    this.#scheduleTick(this.boot);
    for (const replica of this.replicas.values()) this.step(replica, { type: 'tick', now });
    this.#ticks += 1;
    if (this.#ticks % TIDY_TICKS === 0) for (const one of this.replicas.values()) this.#tidy(one);
    for (const peer of this.peers.silent(now)) if (peer !== this.id) this.#wake(peer);
    if (buggify.fires('wake-for-nothing', 50))
      this.#wake(this.random.below(this.services.plan.nodes));
    if (buggify.fires('unreachable-for-nothing', 50)) {
      this.#loseTouch(this.random.below(this.services.plan.nodes));
    }
    for (const to of this.peers.due()) {
      if (to === this.id || buggify.fires('node-heartbeat-skipped')) continue;
      this.peers.spoke(to);
      const { id: from, boot } = this;
      this.services.network.send({ from, to, boot, lane: 'main', bytes: new Uint8Array() });
    }
  }

  /** Damage to what the machine has applied is cut away, once a checkpoint is past it. */
  #tidy(replica: Replica): void {
    if (replica.image.damaged.size === 0) return;
    const { firstDamaged } = replica.raft.status();
    const saved = replica.durable?.newestCheckpoint?.description.index ?? 0;
    if (firstDamaged === undefined || firstDamaged > replica.machine.applied) return;
    if (firstDamaged > saved) replica.checkpoint();
    else this.step(replica, { type: 'truncate', index: saved });
  }

  #receive({ from, boot, bytes }: Frame): void {
    const now = this.clock.read(this.services.agenda.now);
    if (this.peers.hear(from, { boot, now })) this.#wake(from);
    if (bytes.length === 0) return;
    const messages = decodeFrame(bytes);
    if (messages === undefined) {
      throw new SimFailure('codec', 'a sound frame was refused', { node: this.id, time: now });
    }
    for (const message of messages) this.#route(message);
  }

  #route(message: Message): void {
    const replica = this.replicas.get(message.shard);
    if (replica?.member === message.to) {
      this.step(replica, { type: 'message', message });
      return;
    }
    // The dead do not answer: `removed` would tell a sound member that it is gone.
    const isDead = this.disk.tombstones.has(message.to);
    this.services.probes.hit(isDead ? 'host message to the dead' : 'host message to a stranger');
  }

  #wake(peer: number): void {
    for (const replica of this.replicas.values()) {
      const { configuration } = replica.image.configurationAt(replica.image.lastIndex);
      const isShared = this.services.registry.nodesOf(configuration).includes(peer);
      if (isShared) this.step(replica, { type: 'wake' });
    }
  }

  #loseTouch(peer: number): void {
    for (const replica of this.replicas.values()) {
      const { role, followers } = replica.raft.status();
      if (role !== 'leader') continue;
      for (const { member } of followers) {
        if (this.services.registry.nodeOf(member) !== peer) continue;
        this.step(replica, { type: 'unreachable', member });
      }
    }
  }

  #reportDurable(operation: number): void {
    const { agenda, buggify } = this.services;
    const { boot } = this;
    for (const { replica } of this.marks.get(operation) ?? []) {
      const { durable } = replica;
      if (durable !== undefined) this.services.invariants.settled(replica.actor, durable);
    }
    if (!buggify.fires('durable-report-late')) {
      this.push({ type: 'durable', operation });
      return;
    }
    agenda.after(this.random.between(1, 300), () => {
      if (this.boot === boot) this.push({ type: 'durable', operation });
    });
  }

  #settle(operation: number): void {
    const marks = this.marks.get(operation) ?? [];
    this.marks.delete(operation);
    for (const { replica, mark } of marks) {
      if (this.replicas.get(replica.shard) !== replica) continue;
      this.step(replica, { type: 'durable', mark });
    }
  }

  #progress(input: Input & { readonly type: 'checkpointed' | 'checked' | 'drain' }): void {
    const replica = this.replicas.get(input.shard);
    if (replica === undefined) return;
    switch (input.type) {
      case 'checkpointed':
        if (replica.member !== input.member) return;
        replica.isCheckpointing = false;
        this.step(replica, { type: 'truncate', index: input.index });
        return;
      case 'checked': {
        const isSound = replica.assemble(input.index);
        this.step(replica, { type: 'snapshot-checked', index: input.index, isSound });
        return;
      }
      case 'drain':
        return this.drain(replica);
    }
  }

  /** Applies what was committed, or the first of it if the machine is slow. */
  drain(replica: Replica): void {
    const { buggify, agenda } = this.services;
    const { backlog } = replica;
    if (backlog.length === 0) return;
    const isSlow = buggify.fires('slow-apply');
    const count = isSlow ? this.random.below(backlog.length) : backlog.length;
    for (const entry of backlog.splice(0, count)) replica.apply(entry);
    if (count > 0) this.step(replica, { type: 'applied', index: replica.machine.applied });
    replica.answerReads();
    if (backlog.length === 0) return;
    const { boot } = this;
    agenda.after(this.random.between(1, 100), () => {
      if (this.boot === boot) this.push({ type: 'drain', shard: replica.shard });
    });
  }

  /** Counts one effect; the process may end with it. */
  effect(): void {
    this.effectsLeft -= 1;
    if (this.effectsLeft <= 0) throw new Death();
  }

  memberOf(shard: ShardId): MemberId | undefined {
    return this.disk.written.get(shard)?.member;
  }
}
