/** A whole cluster under one seed: computers, customers, faults, and what must hold at the end. */

import { Random } from '../../src/base/random.ts';
import { MemoryNetwork } from '../../src/testkit/memory-network.ts';
import { Agenda } from '../sim/agenda.ts';
import { SimFailure } from '../sim/failure.ts';
import { Probes } from '../sim/probes.ts';
import type { Computer } from './computer.ts';
import { Customer, type WriteRecord } from './customer.ts';
import { Ending } from './ending.ts';
import { Faults } from './faults.ts';
import { Growth } from './growth.ts';
import { Operator } from './operator.ts';
import { misplacementOf } from './placement.ts';
import type { ClusterPlan } from './plan.ts';
import { VARIED } from './processor.ts';
import { judgeSlowness, leadersOf, Slowness } from './slowness.ts';
import type { Surroundings } from './surroundings.ts';
import { ROOT_TOKEN, Visitors } from './visitors.ts';
import { Witness } from './witness.ts';
import { Work } from './work.ts';

const STEP_MILLISECONDS = 50;
/** The last node may join ten seconds late. */
const GROWTH_MILLISECONDS_MAX = 60_000;
/** What a customer does at once: an owner of a lock is at work for long. */
const WORKERS = { cluster: 1, txn: 1, watch: 2, locks: 4 } as const;
/** Transactions should conflict. */
const REST_MILLISECONDS_MAX = { cluster: 60, txn: 20, watch: 60, locks: 60 } as const;

export class World {
  readonly #plan: ClusterPlan;
  readonly #random: Random;
  readonly #surroundings: Surroundings;
  readonly #witness: Witness;
  readonly #writes: WriteRecord[] = [];
  readonly #work: Work;
  readonly #growth: Growth;
  readonly customers: Customer[] = [];
  readonly probes = new Probes();
  readonly agenda: Agenda;
  #faults: Faults | undefined;

  constructor(seed: number, plan: ClusterPlan) {
    this.#plan = plan;
    this.#random = new Random(seed);
    this.agenda = new Agenda(this.#random.fork('ties'));
    const network = new MemoryNetwork({
      time: this.agenda,
      random: this.#random.fork('network'),
    });
    const { agenda, probes } = this;
    this.#surroundings = { agenda, network, random: this.#random.fork('all'), probes };
    this.#witness = new Witness(() => agenda.now);
    this.#growth = new Growth({
      surroundings: this.#surroundings,
      random: this.#random,
      witness: this.#witness,
      limits: plan.limits,
      historyBytesMax: plan.historyBytesMax,
      loadOf: VARIED,
      onComputer: (computer) => this.#faults?.look(computer),
    });
    const computers = () => this.computers;
    this.#work = new Work(plan, { probes, computers, writes: this.#writes });
  }

  get computers(): readonly Computer[] {
    return this.#growth.computers;
  }

  /** Calls that have ended. */
  get operations(): number {
    return this.#writes.length + this.#work.reads;
  }

  /** Throws a `SimFailure` for the first rule that was broken. */
  run(): void {
    const { customers } = this;
    const { computers } = this.#growth;
    const operator = new Operator({
      surroundings: this.#surroundings,
      random: this.#random.fork('operator'),
      growth: this.#growth,
    });
    const faults = new Faults({
      surroundings: this.#surroundings,
      computers,
      customers,
      random: this.#random.fork('faults'),
      operator,
      isTimed: this.#plan.profile === 'watch' || this.#plan.profile === 'locks',
    });
    this.#faults = faults;
    this.#found();
    const visitors = new Visitors({
      surroundings: this.#surroundings,
      random: this.#random.fork('visitors'),
      growth: this.#growth,
      urls: this.#urls,
      writes: this.#writes,
    });
    if (this.#plan.isGuarded && !this.#plan.isSlow) visitors.begin();
    if (this.#plan.isSlow) this.#slowDown();
    else {
      faults.begin();
      this.agenda.runUntil(this.agenda.now + this.#plan.faultMilliseconds);
    }
    visitors.stop();
    const ending = new Ending({
      plan: this.#plan,
      surroundings: this.#surroundings,
      random: this.#random.fork('ending'),
      growth: this.#growth,
      operator,
      customers: [...customers, ...visitors.customers],
      witness: this.#witness,
      writes: this.#writes,
      workloads: this.#work.all,
      until: (what, isSo, patience) => this.#until(what, isSo, patience),
    });
    ending.run(faults);
  }

  get #urls(): readonly string[] {
    return Array.from({ length: this.#plan.nodes }, (_, at) => `ws://node-${at + 1}`);
  }

  /** The first node founds the cluster; the others join while customers are working. */
  #found(): void {
    const { nodes, shards, customers } = this.#plan;
    const growth = this.#growth;
    growth.begin({ shards, replicas: Math.min(3, nodes) });
    this.#until('the cluster is founded', () => growth.isFounded, 10_000);
    const urls = this.#urls;
    const [token, isRoot] = [ROOT_TOKEN, true];
    for (let number = 1; number <= customers; number++) {
      const surroundings = this.#surroundings;
      const rate = this.#plan.rates[number - 1] ?? 1;
      const customer = new Customer({
        ...{ number, surroundings, urls, writes: this.#writes, rate, token, isRoot },
      });
      this.customers.push(customer);
      customer.working = WORKERS[this.#plan.profile];
      for (let worker = 0; worker < customer.working; worker++) this.#employ(customer);
    }
    for (let at = 1; at < nodes; at++) growth.join(this.#random.pick([0, 0, 2000, 10_000]));
    for (const computer of growth.computers) computer.isFirst = true;
  }

  /** A grown cluster meets nothing but slowness. */
  #slowDown(): void {
    const { agenda, computers, probes } = this;
    const { shards, faultMilliseconds: milliseconds } = this.#plan;
    const isGrown = () => misplacementOf(computers) === undefined;
    this.#until('every shard lies where it should', isGrown, GROWTH_MILLISECONDS_MAX);
    const [before, written] = [leadersOf(probes), this.#writes.length];
    const random = this.#random.fork('slowness');
    new Slowness({ surroundings: this.#surroundings, random, computers }).run(milliseconds);
    const after = leadersOf(probes);
    const leaders = { elected: after.elected - before.elected, all: after.all - before.all };
    const writes = this.#writes.slice(written);
    judgeSlowness({ shards, milliseconds, now: agenda.now, writes }, leaders);
  }

  /** One piece of work after the other until it is stopped. */
  #employ(customer: Customer): void {
    if (customer.isStopping) {
      customer.working -= 1;
      return;
    }
    const { random } = customer;
    // Sometimes a customer is away for long, and comes back with an old map.
    const isAway = random.chance(0.003);
    if (isAway) customer.hit('customer with an old map');
    const rest = isAway
      ? random.between(5000, 15_000)
      : random.between(1, REST_MILLISECONDS_MAX[this.#plan.profile]);
    const done = () => customer.after(rest, () => this.#employ(customer));
    this.#work.step(customer, done);
  }

  #until(what: string | (() => string), isSo: () => boolean, patience: number): void {
    const until = this.agenda.now + patience;
    while (!isSo()) {
      if (this.agenda.now >= until) {
        const text = typeof what === 'string' ? what : what();
        const message = `${text}: not in ${patience} ms`;
        throw new SimFailure('liveness', message, { time: this.agenda.now });
      }
      this.agenda.runUntil(this.agenda.now + STEP_MILLISECONDS);
    }
  }
}
