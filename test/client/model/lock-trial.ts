/**
 * One seed of leases and locks: clients that are held, suspended and cut off, against the real
 * machine. Whenever a client believes that it owns a lock, the machine is asked whether it does.
 */

import { equal, ok } from 'node:assert/strict';
import { Random } from '../../../src/base/random.ts';
import type { Replied, WriteCall } from '../../../src/client/core/call.ts';
import type { CallFailure } from '../../../src/client/core/call-failure.ts';
import { KeptLease } from '../../../src/client/core/coordination/kept-lease.ts';
import type {
  Granted,
  LockCall,
  OwnedLock,
} from '../../../src/client/core/coordination/ticket-call.ts';
import { arcOf } from '../../../src/ring/arc.ts';
import { keyPosition } from '../../../src/ring/key-position.ts';
import { ClientHost, type Links } from './client-host.ts';
import { type Faults, ModelCluster } from './cluster.ts';
import type { ModelShard } from './shard.ts';
import { World } from './world.ts';

export interface LockProfile {
  readonly faults: Faults;
  readonly links: Links;
  /** Chances per step of 20 ms. */
  readonly leaderChange: number;
  readonly breakLink: number;
  readonly breakNode: number;
  /** That a client's loop is held, its machine suspended, its wall clock set. */
  readonly hold: number;
  readonly suspend: number;
  readonly setWall: number;
  /** Of clients, and of log times: together within the bound of drift. */
  readonly clientRates: readonly number[];
  readonly logRates: readonly number[];
}

const NODES = 3;
const SHARDS = 2;
const NAMES = ['red', 'green', 'blue', 'many'];
const STEPS = 2500;
const STEP = 20;
const SWEEP = 10;
/** Longer than any wait, and than the life of a lease that was left behind. */
const ENDING = 4500;

export interface LockCounts {
  granted: number;
  unavailable: number;
  failed: number;
  lost: number;
  checks: number;
  attached: number;
  /** Leases whose end was confirmed. */
  ended: number;
}

export function runLockSeed(profile: LockProfile, seed: number): LockCounts {
  const trial = new Trial(profile, seed);
  trial.act();
  trial.end();
  return trial.counts;
}

/** What one client owns, as it believes. */
interface Customer {
  readonly host: ClientHost;
  readonly owned: Set<OwnedLock>;
  readonly leases: Set<KeptLease>;
}

class Trial {
  readonly counts: LockCounts = {
    granted: 0,
    unavailable: 0,
    failed: 0,
    lost: 0,
    checks: 0,
    attached: 0,
    ended: 0,
  };
  readonly #profile: LockProfile;
  readonly #random: Random;
  readonly #world = new World();
  readonly #cluster: ModelCluster;
  readonly #customers: readonly Customer[];
  readonly #logRate: number;
  #open = 0;
  #keys = 0;

  constructor(profile: LockProfile, seed: number) {
    this.#profile = profile;
    const random = new Random(seed);
    this.#random = random;
    const { faults, links, clientRates, logRates } = profile;
    const world = this.#world;
    this.#logRate = random.pick(logRates);
    const common = { world, random: random.fork('cluster'), faults, onEffect: () => {} };
    const cluster = new ModelCluster({ nodes: NODES, shards: SHARDS, ...common });
    this.#cluster = cluster;
    this.#customers = [1, 2, 3].map((number) => ({
      host: new ClientHost({
        world,
        random: random.fork(`host ${number}`),
        cluster,
        links,
        client: new Uint8Array(16).fill(number),
        clockRate: random.pick(clientRates),
        balance: 'round-robin',
      }),
      owned: new Set(),
      leases: new Set(),
    }));
  }

  act(): void {
    for (let step = 0; step < STEPS; step++) {
      this.#world.after(step * STEP, () => {
        this.#pass(step);
        for (const customer of this.#customers) if (!customer.host.isHeld) this.#use(customer);
        this.#disturb();
      });
    }
    this.#world.runUntil(STEPS * STEP);
  }

  /** Everything is released; nothing may be left, in clients or shards. */
  end(): void {
    for (let step = 0; step < ENDING; step++) {
      this.#world.after(step * STEP, () => {
        this.#pass(step);
        for (const customer of this.#customers) if (!customer.host.isHeld) this.#leave(customer);
      });
    }
    this.#world.runUntil((STEPS + ENDING + 1000) * STEP);
    equal(this.#open, 0, 'every call for a lock has ended');
    for (const shard of this.#cluster.shards) {
      equal(JSON.stringify(shard.left), '{"leases":0,"tickets":0}', 'nothing is left in a shard');
    }
    for (const { host } of this.#customers) {
      const held = JSON.stringify(host.core.held);
      equal(held, '{"leases":0,"locks":0,"watches":0}', 'nothing is left in a client');
      equal(host.core.isBusy, false, 'nothing is waited for any more');
    }
  }

  #pass(step: number): void {
    this.#cluster.pass(STEP * this.#logRate);
    if (step % SWEEP === 0) this.#cluster.sweep();
  }

  #use(customer: Customer): void {
    this.#check(customer);
    const random = this.#random;
    if (random.chance(0.02) && this.#open < 30) this.#lock(customer);
    if (random.chance(0.03)) this.#releaseOne(customer);
    if (random.chance(0.005)) this.#lease(customer);
    if (random.chance(0.02)) this.#attach(customer);
    if (random.chance(0.002)) this.#endOne(customer);
  }

  /** What the client believes now is so. */
  #check({ host, owned, leases }: Customer): void {
    host.observe();
    for (const lock of owned) {
      if (lock.loss !== undefined) owned.delete(lock);
      else this.#assertOwned(lock);
    }
    for (const lease of leases) {
      if (lease.state === 'ended') leases.delete(lease);
      if (lease.state !== 'held') continue;
      for (const { shard, isOpen } of lease.places.values()) {
        ok(!isOpen || this.#shard(shard).isAlive(lease.id), 'a lease that is held is alive');
        this.counts.checks += 1;
      }
    }
  }

  #assertOwned({ ticket: { name, id, shard }, fence }: OwnedLock): void {
    this.counts.checks += 1;
    const state = this.#shard(shard).stateOf(name, id);
    equal(state.fence, fence, 'a lock that is owned has this owner in its shard');
  }

  #lock(customer: Customer): void {
    const random = this.#random;
    const name = random.pick(NAMES);
    const isMany = name === 'many';
    const isShared = !isMany && random.chance(0.3);
    const lease = random.chance(0.2) ? [...customer.leases][0] : undefined;
    const waitMilliseconds = random.pick([0, 10, 500, 5000, 30_000]);
    const timeoutMilliseconds = Math.max(waitMilliseconds, 5000);
    this.#open += 1;
    const call: LockCall = {
      type: 'lock',
      name: Buffer.from(name),
      kind: isMany ? 'semaphore' : isShared ? 'shared' : 'exclusive',
      permits: isMany ? 2 : 1,
      lease,
      ttlMilliseconds: random.pick([1000, 4000, 10_000]),
      note: new Uint8Array(0),
      waitMilliseconds,
      timeoutMilliseconds,
      settle: (result) => this.#told(customer, result),
    };
    customer.host.call(call);
    if (!random.chance(0.1)) return;
    this.#world.after(random.between(1, 3000), () => customer.host.abort(call));
  }

  #told({ owned, host }: Customer, result: Granted | CallFailure): void {
    this.#open -= 1;
    if (result.type === 'failed') {
      const isWait = result.code === 'lock-unavailable';
      this.counts[isWait ? 'unavailable' : 'failed'] += 1;
      equal(result.outcome, 'notApplied', 'who does not get a lock does not own it');
      return;
    }
    const { lock } = result;
    ok(!host.isHeld, 'a client that is held is told nothing');
    this.counts.granted += 1;
    lock.onLost = () => {
      this.counts.lost += 1;
    };
    owned.add(lock);
    this.#assertOwned(lock);
  }

  #releaseOne({ host, owned }: Customer): void {
    const [lock] = owned;
    if (lock === undefined) return;
    owned.delete(lock);
    host.call({ type: 'unlock', lock, timeoutMilliseconds: 5000, settle: () => {} });
  }

  #lease({ host, leases }: Customer): void {
    if (leases.size >= 4) return;
    this.#keys += 1;
    const id = new Uint8Array(16);
    id.set([7, this.#keys >> 8, this.#keys & 255]);
    const ttlMilliseconds = this.#random.pick([1000, 3000, 15_000]);
    const lease = new KeptLease({ id, ttlMilliseconds, note: new Uint8Array(0) });
    leases.add(lease);
    host.lease(lease);
  }

  /** A key in some shard, or two keys in two shards at once. */
  #attach({ host, leases }: Customer): void {
    const lease = this.#random.pick([...leases, undefined]);
    if (lease === undefined) return;
    const keys = this.#random.chance(0.3) ? ['left', 'right'] : [`key ${this.#random.below(20)}`];
    const call: WriteCall = {
      type: 'write',
      leases: [lease],
      command: keys.map((key) => ({
        type: 'set',
        key: Buffer.from(`${key} ${lease.id[1]} ${lease.id[2]}`),
        value: Buffer.from('here'),
        lifeMilliseconds: 0,
        lease: { id: lease.id, opening: undefined },
      })),
      timeoutMilliseconds: 5000,
      settle: (result: Replied | CallFailure) => {
        if (result.type === 'replied') this.counts.attached += 1;
      },
    };
    host.call(call);
  }

  #endOne({ host, leases }: Customer): void {
    const [lease] = leases;
    if (lease === undefined) return;
    leases.delete(lease);
    const settle = ({ type }: { readonly type: string }): void => {
      if (type !== 'leases-ended') return;
      this.counts.ended += 1;
      const isAlive = this.#cluster.shards.some((shard) => shard.isAlive(lease.id));
      ok(!isAlive, 'a lease whose end is confirmed is alive in no shard');
    };
    host.call({ type: 'end-lease', lease, timeoutMilliseconds: 5000, settle });
  }

  #leave(customer: Customer): void {
    this.#check(customer);
    for (let left = customer.owned.size; left > 0; left--) this.#releaseOne(customer);
    for (let left = customer.leases.size; left > 0; left--) this.#endOne(customer);
  }

  #disturb(): void {
    const random = this.#random;
    const { leaderChange, breakLink, breakNode, hold, suspend, setWall } = this.#profile;
    if (random.chance(leaderChange)) this.#cluster.changeLeader(random.between(1, SHARDS));
    const { host } = random.pick(this.#customers);
    if (random.chance(breakLink)) host.breakLink();
    if (random.chance(breakNode)) host.breakNode(random.between(1, NODES));
    if (random.chance(hold)) host.hold(random.between(100, 6000));
    if (random.chance(suspend)) host.suspend(random.between(100, 20_000));
    if (random.chance(setWall)) host.setWall(random.between(-20_000, 20_000));
  }

  #shard(number: number): ModelShard {
    return this.#cluster.shards[number - 1] as ModelShard;
  }
}

/** The names lie in more than one shard. */
export function shardsOfNames(): number {
  return new Set(NAMES.map((name) => arcOf(keyPosition(Buffer.from(name)), SHARDS))).size;
}
