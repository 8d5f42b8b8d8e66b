/** A whole cluster under one seed: computers, customers, faults, and what must hold at the end. */

import type { NodeId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import { CATALOGUE_SHARD } from '../../src/catalog/cluster-map.ts';
import { decodeReply, encodeCommand } from '../../src/catalog/command-bytes.ts';
import type { NodeCore } from '../../src/core/node-core.ts';
import type { Origin } from '../../src/shard/origin.ts';
import { isSameHash } from '../../src/storage/state-hash.ts';
import { MemoryNetwork } from '../../src/transport/memory-network.ts';
import { checkLinearizability } from '../checkers/linearizability.ts';
import { REGISTER } from '../checkers/register.ts';
import type { RegisterOperation } from '../checkers/register-operation.ts';
import { Agenda } from '../sim/agenda.ts';
import { SimFailure } from '../sim/failure.ts';
import { Probes } from '../sim/probes.ts';
import { Computer } from './computer.ts';
import { Customer } from './customer.ts';
import { Faults } from './faults.ts';
import type { Surroundings } from './surroundings.ts';

export interface ClusterPlan {
  readonly nodes: number;
  readonly shards: number;
  readonly customers: number;
  readonly keys: number;
  /** How long there are faults, in virtual milliseconds. */
  readonly faultMilliseconds: number;
}

const CLUSTER = 'simulated';
const STEP_MILLISECONDS = 50;
/** From a healed world to one at rest. */
const HEAL_MILLISECONDS_MAX = 60_000;

export class World {
  readonly #plan: ClusterPlan;
  readonly #random: Random;
  readonly #surroundings: Surroundings;
  readonly computers: Computer[] = [];
  readonly customers: Customer[] = [];
  readonly history: RegisterOperation[] = [];
  readonly probes = new Probes();
  readonly agenda: Agenda;

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
  }

  /** Throws a `SimFailure` for the first rule that was broken. */
  run(): void {
    this.#found();
    const faults = new Faults({
      surroundings: this.#surroundings,
      computers: this.computers,
      random: this.#random.fork('faults'),
    });
    faults.begin();
    this.agenda.runUntil(this.agenda.now + this.#plan.faultMilliseconds);
    faults.heal();
    this.#rest();
    this.#judge();
  }

  /** The first node begins the cluster; the others join while customers are at work. */
  #found(): void {
    const { nodes, shards, customers } = this.#plan;
    const replicas = Math.min(3, nodes);
    const first = this.#addComputer();
    const map = new Uint8Array();
    first.settle({ cluster: CLUSTER, node: 1 as NodeId, joinToken: this.#token(), map });
    first.start({ shards, replicas });
    this.#until('the cluster is founded', () => (first.core?.map?.version ?? 0) > 0, 10_000);
    const keys = Array.from({ length: this.#plan.keys }, (_, at) => `key-${at}`);
    for (let number = 1; number <= customers; number++) {
      const { history } = this;
      const urls = [first.url, 'node-2'].slice(0, nodes);
      const surroundings = this.#surroundings;
      const customer = new Customer({ number, surroundings, urls, keys, history });
      this.customers.push(customer);
      customer.work();
    }
    for (let at = 1; at < nodes; at++) this.#join();
  }

  #addComputer(): Computer {
    const computer = new Computer(`node-${this.computers.length + 1}`, this.#surroundings);
    this.computers.push(computer);
    return computer;
  }

  /** It asks again and again, as a process would; the same token gives the same number. */
  #join(): void {
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
    ask();
  }

  #token(): Uint8Array {
    return Uint8Array.from({ length: 16 }, () => this.#random.below(256));
  }

  #until(what: string, isSo: () => boolean, patience: number): void {
    const until = this.agenda.now + patience;
    while (!isSo()) {
      if (this.agenda.now >= until) this.#fail('liveness', `${what}: not in ${patience} ms`);
      this.agenda.runUntil(this.agenda.now + STEP_MILLISECONDS);
    }
  }

  /** Everything is repaired: the cluster has to grow to its full size and come to rest. */
  #rest(): void {
    const { nodes } = this.#plan;
    const isJoined = () => this.computers.every(({ core }) => core?.map?.nodes.length === nodes);
    this.#until('every node is a member', isJoined, HEAL_MILLISECONDS_MAX);
    this.#until('every shard lies where it should', () => this.#isPlaced(), HEAL_MILLISECONDS_MAX);
    for (const customer of this.customers) customer.isStopping = true;
    const areIdle = () => this.customers.every(({ isIdle }) => isIdle);
    this.#until('every call has ended', areIdle, 20_000);
    this.#readAll();
    this.#until('replicas agree', () => this.#disagreement() === undefined, HEAL_MILLISECONDS_MAX);
  }

  #isPlaced(): boolean {
    const map = this.computers[0]?.core?.map;
    return (
      map?.shards.every(({ shard, goal, members }) => {
        const voters = members.filter(({ isVoter, isWanted }) => isVoter && isWanted);
        const replicas = Math.min(3, this.#plan.nodes);
        // An even number of voters of the catalogue would bear no more than one less.
        const isFull = goal.length >= replicas || (shard === CATALOGUE_SHARD && replicas === 2);
        return isFull && voters.length === goal.length;
      }) ?? false
    );
  }

  /** Of a cluster without faults, every read succeeds. */
  #readAll(): void {
    let left = this.#plan.keys;
    for (let at = 0; at < this.#plan.keys; at++) {
      this.customers[0]?.run(`key-${at}`, { kind: 'read' }, ({ outcome }) => {
        if (outcome !== 'ok') this.#fail('liveness', `key-${at} cannot be read after all is well`);
        left -= 1;
      });
    }
    this.#until('every key was read', () => left === 0, 20_000);
  }

  /** Replicas of a shard that differ, or that are not equally far. */
  #disagreement(): string | undefined {
    const map = this.computers[0]?.core?.map;
    for (const { shard, members } of map?.shards ?? []) {
      const cores = members
        .filter(({ isVoter }) => isVoter)
        .map(({ node }) => this.computers.find((one) => one.node === node)?.core);
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
    const report = checkLinearizability(this.history, REGISTER);
    if (report.verdict === 'violation') {
      this.#fail('linearizability', `${report.key}:\n${report.lines.join('\n')}`);
    }
    if (report.verdict === 'unknown') this.probes.hit('linearizability undecided');
  }

  #fail(oracle: string, message: string): never {
    throw new SimFailure(oracle, message, { time: this.agenda.now });
  }
}
