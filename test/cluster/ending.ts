/** How a simulated cluster ends: repaired, or with a majority that has to do; then the verdict. */

import type { Random } from '../../src/base/random.ts';
import { CATALOGUE_SHARD } from '../../src/catalog/cluster-map.ts';
import type { NodeCore } from '../../src/core/node-core.ts';
import { StateDamage } from '../../src/storage/state.ts';
import { isSameHash } from '../../src/storage/state-hash.ts';
import { SimFailure } from '../sim/failure.ts';
import { Absence, quieten, wake } from './absence.ts';
import type { Computer } from './computer.ts';
import type { Customer, WriteRecord } from './customer.ts';
import type { Faults } from './faults.ts';
import { leftoversOf, sessionsOn } from './leftovers.ts';
import type { ClusterPlan } from './plan.ts';
import type { Surroundings } from './surroundings.ts';
import { newestMap } from './survivors.ts';
import { Truth } from './truth.ts';
import type { Witness } from './witness.ts';
import { inTurn, type Workload } from './workload.ts';

interface EndingOptions {
  readonly plan: ClusterPlan;
  readonly surroundings: Surroundings;
  readonly random: Random;
  readonly computers: readonly Computer[];
  readonly customers: readonly Customer[];
  readonly witness: Witness;
  readonly writes: readonly WriteRecord[];
  readonly workloads: readonly Workload[];
  readonly until: (what: string, isSo: () => boolean, patience: number) => void;
}

/** From a healed world to one at rest. */
const HEAL_MILLISECONDS_MAX = 60_000;
/** A customer's timeout, and what its last piece of work may consist of. */
const STOP_MILLISECONDS_MAX = 30_000;
/** Two rounds of forgetting, and the deadline of the last command. */
const FORGET_MILLISECONDS_MAX = 120_000;
const ABSENCE_MILLISECONDS = 3000;

export class Ending {
  readonly #options: EndingOptions;

  constructor(options: EndingOptions) {
    this.#options = options;
  }

  run(faults: Faults): void {
    const { plan, surroundings } = this.#options;
    faults.heal();
    if (plan.ending === 'majority') this.#freeze();
    else this.#rest();
    if (plan.losesCatalogue) this.#doWithoutCatalogue();
    this.#stop();
    this.#readAll();
    if (plan.ending === 'repaired') {
      const { until } = this.#options;
      until('replicas agree', () => this.#disagreement() === undefined, HEAL_MILLISECONDS_MAX);
    }
    this.#lookForLeftovers();
    surroundings.probes.hit(`ended ${plan.ending}`);
    this.#judge();
  }

  get #cores(): readonly NodeCore[] {
    return this.#options.computers.flatMap(({ core }) => core ?? []);
  }

  /** Everything is repaired: the cluster has to grow to its full size and to come to rest. */
  #rest(): void {
    const { computers, until } = this.#options;
    const isJoined = () =>
      computers.every(({ isLost, core }) => isLost || core?.map?.nodes.length === computers.length);
    until('every node is a member', isJoined, HEAL_MILLISECONDS_MAX);
    // A node that is gone and cannot be taken off the map yet keeps its place in the goals.
    if (computers.some(({ isLost }) => isLost)) return;
    until('every shard lies where it should', () => this.#isPlaced(), HEAL_MILLISECONDS_MAX);
  }

  /** As many as can be spared never come back; the others have to do, for ever. */
  #freeze(): void {
    const { surroundings, computers, random, until } = this.#options;
    const { agenda, probes } = surroundings;
    // Everybody is looked at once, for nobody knows all that those who are down agreed to.
    const areUp = () =>
      computers.every(({ isLost, core, passport }) => {
        return isLost || passport === undefined || core !== undefined;
      });
    until('everybody is up', areUp, HEAL_MILLISECONDS_MAX);
    agenda.runUntil(agenda.now + random.between(0, 500));
    if (!areUp()) return;
    const absence = new Absence({ ...surroundings, random, computers });
    const gone = absence.begin();
    if (gone > 0) probes.hit('a minority is gone for ever');
  }

  /** Data shards go on with the map they have (M8). */
  #doWithoutCatalogue(): void {
    const { surroundings, computers, writes, until } = this.#options;
    const { agenda, probes } = surroundings;
    const held = computers.map((computer) => computer.core?.replicas.get(CATALOGUE_SHARD));
    for (const replica of held) if (replica !== undefined) quieten(replica);
    const before = writes.length;
    agenda.runUntil(agenda.now + ABSENCE_MILLISECONDS);
    const isServing = () =>
      writes.slice(before).filter(({ outcome }) => outcome === 'ok').length > 3;
    until('shards serve without the catalogue', isServing, HEAL_MILLISECONDS_MAX);
    probes.hit('served without the catalogue');
    for (const replica of held) if (replica !== undefined) wake(replica);
  }

  #stop(): void {
    const { customers, until } = this.#options;
    for (const customer of customers) customer.isStopping = true;
    const areIdle = () => customers.every(({ isIdle, waiting }) => isIdle && waiting === 0);
    until('every call has ended', areIdle, STOP_MILLISECONDS_MAX);
  }

  /** In a cluster without faults every read succeeds. */
  #readAll(): void {
    const { customers, workloads, until } = this.#options;
    const customer = customers[0] as Customer;
    let isRead = false;
    const each = (workload: Workload, next: () => void) => workload.finish(customer, next);
    inTurn(workloads, each, () => {
      isRead = true;
    });
    until('everything was read', () => isRead, HEAL_MILLISECONDS_MAX);
  }

  #lookForLeftovers(): void {
    const { computers, plan, until } = this.#options;
    const { surroundings } = this.#options;
    const left = () => this.#cores.map(leftoversOf).find((leftover) => leftover !== undefined);
    surroundings.agenda.runUntil(surroundings.agenda.now + 100);
    if (plan.ending === 'repaired') until('nobody waits', () => left() === undefined, 15_000);
    if (!plan.forgets || plan.ending !== 'repaired') return;
    if (computers.some(({ isLost }) => isLost)) return;
    const areForgotten = () => this.#cores.every((core) => sessionsOn(core) === 0);
    until('every session is forgotten', areForgotten, FORGET_MILLISECONDS_MAX);
    surroundings.probes.hit('every session was forgotten');
  }

  #isPlaced(): boolean {
    const { computers, plan } = this.#options;
    const replicas = Math.min(3, plan.nodes);
    const map = computers[0]?.core?.map;
    return (
      map?.shards.every(({ shard, goal, members }) => {
        const voters = members.filter(({ isVoter, isWanted }) => isVoter && isWanted);
        // An even number of voters of the catalogue would bear no more than one less.
        const isFull = goal.length >= replicas || (shard === CATALOGUE_SHARD && replicas === 2);
        return isFull && voters.length === goal.length;
      }) ?? false
    );
  }

  /** Replicas of a shard that differ, or that are not equally far. */
  #disagreement(): string | undefined {
    const { computers } = this.#options;
    for (const { shard, members } of newestMap(computers)?.shards ?? []) {
      const cores = members
        .filter(({ isVoter }) => isVoter)
        .map(({ node }) => computers.find((one) => one.node === node))
        .filter((computer) => computer?.isLost !== true)
        .map((computer) => computer?.core);
      const [first, ...others] = cores;
      if (first?.replicas.get(shard) === undefined) return `shard ${shard} is not on its node`;
      for (const other of others) {
        const [one, two] = [first.replicas.get(shard), other?.replicas.get(shard)];
        if (one?.applied !== two?.applied) return `shard ${shard} is not applied alike`;
        const [hash, otherHash] = [first.store.hash(shard), other?.store.hash(shard)];
        if (hash === undefined || otherHash === undefined) return `shard ${shard} is damaged`;
        if (!isSameHash(hash, otherHash)) this.#fail('hash', `replicas of ${shard} differ`);
      }
    }
    return undefined;
  }

  #judge(): void {
    const { computers, witness, writes, workloads, surroundings } = this.#options;
    const map = newestMap(computers);
    if (map === undefined) this.#fail('liveness', 'there is no map in the end');
    const truth = new Truth({ witness, map, now: surroundings.agenda.now });
    truth.judge(writes);
    for (const workload of workloads) workload.judge(truth);
    for (const core of this.#cores) {
      for (const { shard, applied, isSpoilt } of core.replicas.all) {
        if (isSpoilt || applied !== witness.entries(shard).length) continue;
        try {
          truth.compare(shard, core.store);
        } catch (error) {
          // What rotted and was not looked at since is not compared.
          if (!(error instanceof StateDamage)) throw error;
        }
      }
    }
  }

  #fail(oracle: string, message: string): never {
    throw new SimFailure(oracle, message, { time: this.#options.surroundings.agenda.now });
  }
}
