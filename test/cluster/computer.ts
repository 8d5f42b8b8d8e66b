/** A computer: disks that outlive the process, and a process that runs a node's core. */

import type { NodeId, ShardId } from '../../src/base/ids.ts';
import { LOG_LIMITS } from '../../src/base/limits.ts';
import type { Random } from '../../src/base/random.ts';
import type { Settings } from '../../src/catalog/cluster-map.ts';
import { NodeCore } from '../../src/core/node-core.ts';
import type { NodeFact } from '../../src/core/node-parts.ts';
import type { Log } from '../../src/storage/log.ts';
import { openLog } from '../../src/storage/log-boot.ts';
import { MemoryFiles } from '../../src/storage/memory-files.ts';
import { MemoryState } from '../../src/storage/memory-state.ts';
import { Switchboard } from '../../src/transport/switchboard.ts';
import { SimFailure } from '../sim/failure.ts';
import { NodeClock } from '../sim/node-clock.ts';
import { rotRow } from '../sim/rot.ts';
import { type Surroundings, scheduleOf } from './surroundings.ts';

const TICK_MILLISECONDS = 20;
const KIB = 1024;

/** Small segments switch and go round often. */
const SMALL_LOG = {
  ...LOG_LIMITS,
  segmentBytes: 1024 * KIB,
  batchBytesMax: 400 * KIB,
  moveBytesMax: 64 * KIB,
};

/** What the data folder says of its node. */
interface Passport {
  readonly joinToken: Uint8Array;
  readonly cluster: string;
  readonly node: NodeId;
  hasLived: boolean;
  map: Uint8Array;
}

export interface DiskSpeed {
  readonly minimum: number;
  readonly mean: number;
}

export const GOOD_SPEED: DiskSpeed = { minimum: 0.2, mean: 0.6 };

export class Computer {
  readonly url: string;
  readonly #surroundings: Surroundings;
  readonly #random: Random;
  readonly #files: MemoryFiles;
  readonly #state: MemoryState;
  passport: Passport | undefined;
  core: NodeCore | undefined;
  clock: NodeClock;
  speed = GOOD_SPEED;
  /** Processes that ran here; reports for an earlier one find another number. */
  #life = 0;
  #isPlanned = false;
  #busyUntil = 0;
  #fileFreeAt = 0;
  isUp = false;

  constructor(url: string, surroundings: Surroundings) {
    this.url = url;
    this.#surroundings = surroundings;
    const { agenda, random } = surroundings;
    this.#random = random.fork(`computer ${url}`);
    this.clock = this.#newClock();
    const complete = (report: () => void) => {
      // One queue for each disk: completions come in the order of the calls.
      const due = Math.max(this.#fileFreeAt, agenda.now) + this.#latency();
      this.#fileFreeAt = due;
      agenda.at(due, report);
    };
    this.#files = new MemoryFiles({ schedule: complete });
    this.#state = new MemoryState({
      schedule: (report) => agenda.after(this.#latency() * 2, report),
    });
  }

  get node(): NodeId | undefined {
    return this.passport?.node;
  }

  /** A folder that no node has lived in gets its owner. */
  settle(passport: Omit<Passport, 'hasLived'>): void {
    this.passport = { ...passport, hasLived: false };
  }

  start(found?: Settings): void {
    const { passport } = this;
    if (this.isUp || passport === undefined) return;
    this.isUp = true;
    this.#life += 1;
    const life = this.#life;
    this.clock = this.#newClock();
    const { cluster, node, hasLived } = passport;
    openLog(
      {
        files: this.#files,
        owner: { cluster, node },
        limits: SMALL_LOG,
        random: this.#random.fork(`log ${life}`),
        now: () => this.#surroundings.agenda.now,
        isNew: !hasLived,
        onFault: () => this.crash({ isPower: false }),
      },
      (opened) => {
        if (this.#life !== life) return;
        if (opened.type === 'refused') this.#fail(`the log would not open: ${opened.text}`);
        passport.hasLived = true;
        this.#run(opened.log, found);
      },
    );
  }

  /** The process ends; if the power does too, the disk keeps a legal part of what it was given. */
  crash({ isPower }: { readonly isPower: boolean }): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.#life += 1;
    this.core = undefined;
    if (isPower) this.#files.crash(this.#random);
    else this.#files.kill();
    this.#state.crash({ keepsUnfinished: this.#random.chance(0.5) });
    this.#surroundings.network.crash(this.url);
  }

  /** A row of the state goes bad on disk; says whether there was one. */
  rot(shard: ShardId): boolean {
    return rotRow(this.#state, shard, this.#random);
  }

  /** The event loop is busy: whatever comes waits. */
  stall(milliseconds: number): void {
    this.#busyUntil = Math.max(this.#busyUntil, this.#surroundings.agenda.now) + milliseconds;
  }

  #run(log: Log, found: Settings | undefined): void {
    const { passport } = this;
    if (passport === undefined) return;
    const { agenda, network, random } = this.#surroundings;
    const life = this.#life;
    const { cluster, node, joinToken } = passport;
    const isAlive = () => this.#life === life;
    const limits = {
      keyBytesMax: 4096,
      valueBytesMax: 1024 * KIB,
      frameBytesMax: 32 * 1024 * KIB,
      batchBytesMax: 1024 * KIB,
    };
    const transport = new Switchboard({
      identity: { cluster, node, incarnation: log.incarnation, features: [], limits },
      sockets: network.host(this.url),
      schedule: scheduleOf(agenda, isAlive),
      random: this.#random.fork(`transport ${life}`),
      onEvent: (event) => {
        const take = () => {
          if (isAlive()) this.core?.take(event, this.#now);
        };
        if (this.#busyUntil > agenda.now) agenda.at(this.#busyUntil, take);
        else take();
      },
    });
    const core = new NodeCore({
      self: {
        node,
        joinToken,
        life: this.#random.word(),
        description: { peerUrl: this.url, clientUrl: this.url, weight: 1, zone: '' },
        identity: new TextEncoder().encode(`${cluster} ${node}`),
      },
      log,
      disk: this.#state.open(),
      transport,
      random: random.fork(`core ${this.url} ${life}`),
      now: this.#now,
      wall: 1_700_000_000_000 + this.#now,
      map: passport.map,
      onWork: () => this.#plan(life),
      onMap: (bytes) => {
        passport.map = bytes.slice();
      },
      encodeInfo: () => new Uint8Array(),
      onFact: (fact) => this.#note(fact),
      onEnd: (reason) => this.#fail(`the node was told to end: ${reason}`),
    });
    this.core = core;
    if (found !== undefined && core.map === undefined) core.found(found, cluster);
    this.#tick(life);
    this.#plan(life);
  }

  #plan(life: number): void {
    if (this.#isPlanned || this.#life !== life) return;
    this.#isPlanned = true;
    const { agenda } = this.#surroundings;
    agenda.lastAt(Math.max(agenda.now + 0.02, this.#busyUntil), () => {
      this.#isPlanned = false;
      if (this.#life !== life) return this.#plan(this.#life);
      if (this.core?.flush(this.#now)) this.#plan(life);
    });
  }

  #tick(life: number): void {
    const { agenda } = this.#surroundings;
    agenda.after(this.clock.virtualFor(TICK_MILLISECONDS), () => {
      if (this.#life !== life) return;
      if (this.#busyUntil <= agenda.now) this.core?.tick(this.#now);
      this.#tick(life);
    });
  }

  get #now(): number {
    return this.clock.read(this.#surroundings.agenda.now);
  }

  #newClock(): NodeClock {
    const { agenda } = this.#surroundings;
    const reading = this.#random.below(1e6);
    const rate = this.#random.pick([1, 1, 0.9, 1.1]);
    return new NodeClock({ virtual: agenda.now, reading, rate });
  }

  #latency(): number {
    const { minimum, mean } = this.speed;
    return minimum - Math.log(1 - this.#random.fraction()) * mean;
  }

  #note(fact: NodeFact): void {
    const { probes } = this.#surroundings;
    probes.hit(fact.type === 'raft' ? fact.fact : fact.type);
    if (fact.type === 'frame-refused') this.#fail(`a sound frame was refused: ${fact.from}`);
  }

  #fail(message: string): never {
    throw new SimFailure('node', message, {
      node: this.passport?.node,
      time: this.#surroundings.agenda.now,
    });
  }
}
