/** The end of a simulated cluster: repaired, or reduced to a majority; then the verdict. */

import type { Random } from '../../src/base/random.ts';
import { CATALOG_SHARD } from '../../src/catalog/cluster-map.ts';
import type { NodeCore } from '../../src/node/node-core.ts';
import { StateDamage } from '../../src/storage/state/state.ts';
import { SimFailure } from '../sim/failure.ts';
import { Absence, quieten, wake } from './absence.ts';
import { disagreementOf } from './agreement.ts';
import type { Computer } from './computer.ts';
import type { Customer, WriteRecord } from './customer.ts';
import type { Faults } from './faults.ts';
import type { Growth } from './growth.ts';
import { leftoversOf, sessionsOn, unendedWhereLeading } from './leftovers.ts';
import type { Operator } from './operator.ts';
import { misplacementOf } from './placement.ts';
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
  readonly growth: Growth;
  readonly operator: Operator;
  readonly customers: readonly Customer[];
  readonly witness: Witness;
  readonly writes: readonly WriteRecord[];
  readonly workloads: readonly Workload[];
  readonly until: (what: string | (() => string), isSo: () => boolean, patience: number) => void;
}

/** The time from a healed world to an idle one. */
const HEAL_MILLISECONDS_MAX = 60_000;
/** A customer's timeout, and the calls of its last piece of work. */
const STOP_MILLISECONDS_MAX = 30_000;
/** Two rounds of removing sessions, and the deadline of the last command. */
const FORGET_MILLISECONDS_MAX = 120_000;
/**
 * An orphan is found, its home shard is asked, and it is resolved, wherever its home is. The
 * longest lease of a dead client is over, by the slowest clock.
 */
const LEFTOVER_MILLISECONDS_MAX = { cluster: 15_000, txn: 15_000, watch: 30_000, locks: 30_000 };
const ABSENCE_MILLISECONDS = 3000;

export class Ending {
  readonly #options: EndingOptions;
  /** The nodes that never come back. */
  #gone: ReadonlySet<Computer> = new Set();

  constructor(options: EndingOptions) {
    this.#options = options;
  }

  run(faults: Faults): void {
    const { plan, surroundings } = this.#options;
    faults.heal();
    if (plan.ending === 'majority') this.#freeze();
    if (this.#isWhole) this.#rest();
    if (plan.losesCatalog) this.#doWithoutCatalog();
    this.#stop();
    this.#readAll();
    if (this.#isWhole) {
      const { until } = this.#options;
      until(
        'replicas agree',
        () => disagreementOf(this.#computers, this.#now) === undefined,
        HEAL_MILLISECONDS_MAX,
      );
    }
    this.#lookForLeftovers();
    surroundings.probes.hit(this.#isWhole ? 'ended repaired' : 'ended majority');
    this.#judge();
  }

  /**
   * No node is gone for ever. This includes runs that were to end with a majority and in which no
   * node could be spared. The cluster then has to become whole before its reads are required to
   * succeed without retries: a node may have just started, and one that is alone asks the
   * addresses of the others for five seconds before it serves.
   */
  get #isWhole(): boolean {
    return this.#gone.size === 0;
  }

  get #computers(): readonly Computer[] {
    return this.#options.growth.computers;
  }

  get #cores(): readonly NodeCore[] {
    return this.#computers.flatMap(({ core }) => core ?? []);
  }

  /** Everything is repaired: the cluster has to grow to its full size and to become idle. */
  #rest(): void {
    const { growth, operator, until } = this.#options;
    const { computers } = growth;
    operator.undrain();
    until('the operator has no more to ask for', () => operator.isIdle, HEAL_MILLISECONDS_MAX);
    const areUp = () => computers.every(({ isLost, core }) => isLost || core !== undefined);
    until('every node is up', areUp, HEAL_MILLISECONDS_MAX);
    let fault: string | undefined;
    const isPlaced = () => {
      fault = misplacementOf(computers);
      return fault === undefined;
    };
    until(() => `every shard lies where it should (${fault})`, isPlaced, HEAL_MILLISECONDS_MAX);
    const areSound = () =>
      this.#cores.every(({ state: { replicas } }) => {
        return [...replicas.all].every((one) => !one.isCorrupt && one.status().mayVote);
      });
    until('every replica has its state and a vote', areSound, HEAL_MILLISECONDS_MAX);
  }

  /** As many as the shards tolerate never come back; the others have to serve without them. */
  #freeze(): void {
    const { surroundings, random, until } = this.#options;
    const computers = this.#computers;
    const { agenda, probes } = surroundings;
    // All replicas are compared once: none of them has all that those that are down acknowledged.
    const areUp = () =>
      computers.every(({ isLost, core, identity }) => {
        return isLost || identity === undefined || core !== undefined;
      });
    until('all nodes are up', areUp, HEAL_MILLISECONDS_MAX);
    agenda.runUntil(agenda.now + random.between(0, 500));
    if (!areUp()) return;
    const absence = new Absence({ ...surroundings, random, computers });
    this.#gone = absence.begin();
    if (this.#gone.size > 0) probes.hit('a minority is gone for ever');
  }

  /** Data shards continue with the map that they have (M8). */
  #doWithoutCatalog(): void {
    const { surroundings, writes, until } = this.#options;
    const { agenda, probes } = surroundings;
    const held = this.#computers.map((computer) =>
      computer.core?.state.replicas.get(CATALOG_SHARD),
    );
    for (const replica of held) if (replica !== undefined) quieten(replica);
    const before = writes.length;
    agenda.runUntil(agenda.now + ABSENCE_MILLISECONDS);
    const isServing = () =>
      writes.slice(before).filter(({ outcome }) => outcome === 'ok').length > 3;
    until('shards serve without the catalog', isServing, HEAL_MILLISECONDS_MAX);
    probes.hit('served without the catalog');
    for (const replica of held) if (replica !== undefined) wake(replica);
  }

  #stop(): void {
    const { customers, until } = this.#options;
    for (const customer of customers) customer.isStopping = true;
    const areIdle = () => customers.every(({ working, waiting }) => working === 0 && waiting === 0);
    until('every call has ended', areIdle, STOP_MILLISECONDS_MAX);
  }

  /** In a cluster without faults every read succeeds, without retries. */
  #readAll(): void {
    const { customers, workloads, until } = this.#options;
    const customer = customers[0] as Customer;
    customer.isPatient = !this.#isWhole;
    let isRead = false;
    const each = (workload: Workload, next: () => void) => workload.finish(customer, next);
    inTurn(workloads, each, () => {
      isRead = true;
    });
    const what = () => `everything was read (last failure: ${customer.lastFailure})`;
    until(what, () => isRead, HEAL_MILLISECONDS_MAX);
  }

  #lookForLeftovers(): void {
    const { plan, until } = this.#options;
    const { surroundings } = this.#options;
    const there = this.#computers.filter((computer) => !this.#gone.has(computer));
    const look = this.#isWhole ? leftoversOf : unendedWhereLeading;
    let left: string | undefined;
    const isOver = () => {
      left = there.flatMap(({ core }) => (core && look(core)) ?? [])[0];
      return left === undefined;
    };
    surroundings.agenda.runUntil(surroundings.agenda.now + 100);
    until(() => `nothing is left (${left})`, isOver, LEFTOVER_MILLISECONDS_MAX[plan.profile]);
    if (!plan.forgets || !this.#isWhole) return;
    const areForgotten = () => this.#cores.every((core) => sessionsOn(core) === 0);
    until('every session is forgotten', areForgotten, FORGET_MILLISECONDS_MAX);
    surroundings.probes.hit('every session was forgotten');
  }

  #judge(): void {
    const { witness, writes, workloads, surroundings } = this.#options;
    const map = newestMap(this.#computers);
    if (map === undefined) this.#fail('liveness', 'there is no map in the end');
    const truth = new Truth({ witness, map, now: surroundings.agenda.now });
    surroundings.probes.add(truth.outcomes);
    for (const counts of truth.coordinated) surroundings.probes.add(counts);
    truth.judge(writes);
    for (const workload of workloads) workload.judge(truth);
    for (const core of this.#cores) {
      for (const { shard, applied, isCorrupt } of core.state.replicas.all) {
        if (isCorrupt || applied !== witness.entries(shard).length) continue;
        try {
          truth.compare(shard, core.state.store);
        } catch (error) {
          // A row that was corrupted and not read since is not compared.
          if (!(error instanceof StateDamage)) throw error;
        }
      }
    }
  }

  get #now(): number {
    return this.#options.surroundings.agenda.now;
  }

  #fail(oracle: string, message: string): never {
    throw new SimFailure(oracle, message, { time: this.#now });
  }
}
