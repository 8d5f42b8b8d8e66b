/** A whole cluster under one seed: computers, customers, faults, and what must hold at the end. */

import type { NodeId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { decodeReply, encodeCommand } from '../../src/catalog/command-bytes.ts';
import type { NodeCore } from '../../src/core/node-core.ts';
import type { Origin } from '../../src/shard/origin.ts';
import { MemoryNetwork } from '../../src/transport/memory-network.ts';
import { Agenda } from '../sim/agenda.ts';
import { SimFailure } from '../sim/failure.ts';
import { Probes } from '../sim/probes.ts';
import { Computer, VALUE_BYTES_MAX } from './computer.ts';
import { Counters } from './counters.ts';
import { Customer, type WriteRecord } from './customer.ts';
import { Ending } from './ending.ts';
import { Faults } from './faults.ts';
import { LargeValues } from './large-values.ts';
import { Lives } from './lives.ts';
import type { ClusterPlan } from './plan.ts';
import { Registers } from './registers.ts';
import { Scans } from './scans.ts';
import { StaleReads } from './stale-reads.ts';
import type { Surroundings } from './surroundings.ts';
import { Witness } from './witness.ts';
import type { Workload } from './workload.ts';

const CLUSTER = 'simulated';
const STEP_MILLISECONDS = 50;
const BURST_CALLS = 300;

export class World {
  readonly #plan: ClusterPlan;
  readonly #random: Random;
  readonly #surroundings: Surroundings;
  readonly #witness: Witness;
  readonly #writes: WriteRecord[] = [];
  readonly #registers: Registers;
  readonly #counters = new Counters();
  readonly #workloads: readonly Workload[];
  readonly computers: Computer[] = [];
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
    const keys = Array.from({ length: plan.keys }, (_, at) => `key-${at}`);
    const levels = [{ type: 'linearizable' }, { type: 'lease' }] as const;
    this.#registers = new Registers({ keys, levels, probes });
    this.#workloads = [
      this.#registers,
      this.#counters,
      new Lives(),
      new Scans(),
      new StaleReads({ keys }),
      new LargeValues(VALUE_BYTES_MAX),
    ];
  }

  /** Calls that have ended. */
  get operations(): number {
    return this.#writes.length + this.#registers.history.length;
  }

  /** Throws a `SimFailure` for the first rule that was broken. */
  run(): void {
    const { computers, customers } = this;
    const faults = new Faults({
      surroundings: this.#surroundings,
      computers,
      customers,
      random: this.#random.fork('faults'),
      onLoss: () => this.#join(0),
    });
    this.#faults = faults;
    this.#found();
    faults.begin();
    this.agenda.runUntil(this.agenda.now + this.#plan.faultMilliseconds);
    const ending = new Ending({
      plan: this.#plan,
      surroundings: this.#surroundings,
      random: this.#random.fork('ending'),
      computers,
      customers,
      witness: this.#witness,
      writes: this.#writes,
      workloads: this.#workloads,
      until: (what, isSo, patience) => this.#until(what, isSo, patience),
    });
    ending.run(faults);
  }

  /** The first node begins the cluster; the others join while customers are at work. */
  #found(): void {
    const { nodes, shards, customers } = this.#plan;
    const first = this.#addComputer();
    const map = new Uint8Array();
    first.settle({ cluster: CLUSTER, node: 1 as NodeId, joinToken: this.#token(), map });
    first.start({ shards, replicas: Math.min(3, nodes) });
    this.#until('the cluster is founded', () => (first.core?.map?.version ?? 0) > 0, 10_000);
    const urls = Array.from({ length: nodes }, (_, at) => `node-${at + 1}`);
    for (let number = 1; number <= customers; number++) {
      const surroundings = this.#surroundings;
      const customer = new Customer({ number, surroundings, urls, writes: this.#writes });
      this.customers.push(customer);
      this.#work(customer);
    }
    for (let at = 1; at < nodes; at++) this.#join(this.#random.pick([0, 0, 2000, 10_000]));
  }

  /** One piece of work after the other until it is told to stop. */
  #work(customer: Customer): void {
    customer.isIdle = customer.isStopping;
    if (customer.isStopping) return;
    const { random } = customer;
    // Now and then one is away for long, and comes back with the map of that time.
    const isAway = random.chance(0.003);
    if (isAway) customer.hit('customer with an old map');
    const rest = isAway ? random.between(5000, 15_000) : random.between(1, 60);
    const done = () => customer.after(rest, () => this.#work(customer));
    if (this.#plan.hasBursts && random.chance(0.01)) {
      customer.hit('burst');
      return this.#counters.burst(customer, BURST_CALLS, done);
    }
    const dice = random.fraction();
    // Half of all work is on registers, whose histories say most.
    const workload = dice < 0.5 ? this.#registers : random.pick(this.#workloads);
    workload.step(customer, done);
  }

  #addComputer(): Computer {
    const computer = new Computer({
      url: `node-${this.computers.length + 1}`,
      surroundings: this.#surroundings,
      witness: this.#witness,
      limits: this.#plan.limits,
    });
    this.computers.push(computer);
    this.#faults?.look(computer);
    return computer;
  }

  /** It asks again and again, as a process would; the same token gives the same number. */
  #join(delay: number): void {
    const computer = this.#addComputer();
    const { url } = computer;
    const joinToken = this.#token();
    const description = { peerUrl: url, clientUrl: url, weight: 1, zone: '' };
    const command = encodeCommand({ type: 'join', joinToken, description });
    const originAt = (core: NodeCore): Origin => ({
      respond: (response) => {
        const reply = response.type === 'commanded' ? decodeReply(response.reply) : undefined;
        if (computer.passport !== undefined || reply?.type !== 'done') return;
        const { mapBytes: map } = core;
        computer.settle({ cluster: CLUSTER, node: reply.node, joinToken, map: map.slice() });
        computer.start();
      },
    });
    const ask = () => {
      if (computer.passport !== undefined) return;
      const core = this.#random.pick(this.computers.map((one) => one.core));
      core?.ask({ type: 'command', id: 1, command }, originAt(core));
      this.agenda.after(this.#random.between(200, 600), ask);
    };
    this.agenda.after(delay, ask);
  }

  #token(): Uint8Array {
    return Uint8Array.from({ length: 16 }, () => this.#random.below(256));
  }

  #until(what: string, isSo: () => boolean, patience: number): void {
    const until = this.agenda.now + patience;
    while (!isSo()) {
      if (this.agenda.now >= until) {
        const message = `${what}: not in ${patience} ms`;
        throw new SimFailure('liveness', message, { time: this.agenda.now });
      }
      this.agenda.runUntil(this.agenda.now + STEP_MILLISECONDS);
    }
  }
}
