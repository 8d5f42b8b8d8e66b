/** A cluster in memory: its nodes and clients, and the faults that a test asks for. */

import { KvError } from '../base/errors.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { Random } from '../base/random.ts';
import { CATALOG_SHARD, type ClusterMap } from '../catalog/cluster-map.ts';
import { shardAt } from '../catalog/questions.ts';
import type { Client } from '../client/client.ts';
import { encodeKey, type Key } from '../client/key.ts';
import type { ConnectOptions } from '../client/options.ts';
import type { NodeCore } from '../node/node-core.ts';
import { keyPosition } from '../ring/key-position.ts';
import { MemoryNetwork } from './memory-network.ts';
import { Pump } from './pump.ts';
import { connectIn } from './test-client.ts';
import { TestNode } from './test-node.ts';
import { VirtualTime } from './virtual-time.ts';

interface TestClusterOptions {
  readonly nodes: number;
  readonly shards: number;
  readonly seed: number;
}

interface Delays {
  readonly delayMin: number;
  readonly delayMax: number;
}

const STEP_MILLISECONDS = 20;
/** A cluster of three is complete within some seconds. */
const GROWTH_MILLISECONDS_MAX = 120_000;
const DELAY_MILLISECONDS: Delays = { delayMin: 0.1, delayMax: 1 };
/** A node that is not reached for longer counts as lost: no delay may come near that. */
const DELAY_MILLISECONDS_MAX = 10_000;
/** Longer times are passed by a jump of all clocks: a tick costs tens of microseconds. */
const WALK_MILLISECONDS_MAX = 2 * 60_000;

export class TestCluster {
  readonly #options: TestClusterOptions;
  readonly #random: Random;
  readonly #time = new VirtualTime();
  readonly #network: MemoryNetwork;
  readonly #nodes: readonly TestNode[];
  readonly #pump: Pump;
  readonly #clients: { readonly name: string; readonly kv: Client }[] = [];
  readonly #clientNames: string[] = [];
  /** Nodes and clients, as the network names them. */
  readonly #cutOff = new Set<string>();
  #delays: Delays = DELAY_MILLISECONDS;
  /** Clients that wait for their first connection. */
  #connecting = 0;

  /** Founded and complete: every replica where it shall be, and every shard with a leader. */
  constructor(options: TestClusterOptions) {
    this.#options = options;
    const { nodes: count, seed, shards } = options;
    this.#random = new Random(seed);
    const [time, random] = [this.#time, this.#random];
    this.#network = new MemoryNetwork({ time, random: random.fork('network') });
    this.#nodes = Array.from({ length: count }, (_, at) => {
      const number = at + 1;
      const valueBytesMax = MACHINE_LIMITS.valueBytesDefault;
      const network = this.#network;
      return new TestNode({
        number,
        time,
        network,
        valueBytesMax,
        random: random.fork(`${number}`),
      });
    });
    this.#pump = new Pump({ time, openCalls: () => this.#openCalls });
    const [first, ...others] = this.#nodes;
    first?.found({ shards, replicas: count });
    this.#until(() => first?.core?.state.map !== undefined);
    for (const node of others) if (first !== undefined) node.join(first);
    this.#until(() => this.#isComplete);
  }

  get now(): number {
    return this.#time.now;
  }

  async connect(how: ConnectOptions): Promise<Client> {
    const name = `client-${this.#clientNames.length + 1}`;
    this.#clientNames.push(name);
    for (const host of this.#cutOff) this.#cutBetween(host, name);
    this.#disturb(this.#delays);
    const random = this.#random.fork(name);
    const urls = this.#nodes.map(({ url }) => url);
    const [time, network, pump] = [this.#time, this.#network, this.#pump];
    this.#connecting += 1;
    try {
      const kv = await connectIn({ name, urls, time, network, random, pump }, how);
      this.#clients.push({ name, kv });
      return kv;
    } finally {
      this.#connecting -= 1;
    }
  }

  async advance(milliseconds: number): Promise<void> {
    if (!(milliseconds >= 0) || !Number.isFinite(milliseconds)) {
      throw invalid(`the clock moves by 0 milliseconds or more (got ${milliseconds})`);
    }
    const jumped = Math.max(0, milliseconds - WALK_MILLISECONDS_MAX);
    if (jumped > 0) this.#time.jump(jumped);
    await this.#pump.advance(milliseconds - jumped);
  }

  /** No frame reaches the node or the client, or leaves it. */
  cut(what: number | Client): void {
    const host = typeof what === 'number' ? this.#nodeNumbered(what).url : this.#nameOf(what);
    this.#cutOff.add(host);
    for (const other of this.#hosts) if (other !== host) this.#cutBetween(host, other);
  }

  delay(milliseconds: number): void {
    if (!(milliseconds >= 0) || milliseconds > DELAY_MILLISECONDS_MAX) {
      const range = `0 to ${DELAY_MILLISECONDS_MAX} milliseconds`;
      throw invalid(`a delay is ${range} (got ${milliseconds})`);
    }
    this.#disturb({ delayMin: milliseconds, delayMax: milliseconds });
  }

  /** Every path carries again, without a delay, and every node runs. */
  heal(): void {
    this.#cutOff.clear();
    for (const from of this.#hosts) {
      for (const to of this.#hosts) if (from !== to) this.#network.restore({ from, to });
    }
    this.#disturb(DELAY_MILLISECONDS);
    for (const node of this.#nodes) node.start();
  }

  crash(number: number): void {
    this.#nodeNumbered(number).crash();
  }

  /** The core of a node, for requests that no client may make; undefined while it is down. */
  coreOf(number: number): NodeCore | undefined {
    return this.#nodeNumbered(number).core;
  }

  /** The number of the node that leads the shard of a key; undefined while none does. */
  leaderOf(key: Key): number | undefined {
    const map = this.#map;
    const bytes = encodeKey(key);
    const shard = map === undefined ? undefined : shardAt(map, keyPosition(bytes)).shard;
    if (shard === undefined) return undefined;
    const leaders = this.#nodes.flatMap(({ core }, at) => {
      const replica = core?.state.replicas.get(shard);
      return replica?.isLeader === true ? [{ number: at + 1, term: replica.term }] : [];
    });
    // One that is cut off may still believe that it leads.
    return leaders.sort((one, other) => other.term - one.term)[0]?.number;
  }

  /** Waits until there is one. */
  async leaderSoon(key: Key): Promise<number> {
    for (let waited = 0; waited < GROWTH_MILLISECONDS_MAX; waited += STEP_MILLISECONDS) {
      const leader = this.leaderOf(key);
      if (leader !== undefined) return leader;
      await this.#pump.advance(STEP_MILLISECONDS);
    }
    throw invalid('no node leads the shard of this key: too many nodes are cut off or down');
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map(({ kv }) => kv.close()));
    this.#pump.close();
    for (const node of this.#nodes) node.crash();
  }

  get #openCalls(): number {
    return this.#clients.reduce((sum, { kv }) => sum + kv.stats().openCalls, this.#connecting);
  }

  get #hosts(): readonly string[] {
    return [...this.#nodes.map(({ url }) => url), ...this.#clientNames];
  }

  /** The newest of those that the nodes know. */
  get #map(): ClusterMap | undefined {
    const maps = this.#nodes.flatMap(({ core }) => core?.state.map ?? []);
    return maps.sort((one, other) => other.version - one.version)[0];
  }

  get #isComplete(): boolean {
    const map = this.#map;
    if (map === undefined) return false;
    return map.shards.every(({ shard, members }) => {
      const count = this.#options.nodes;
      const voters = members.filter(({ isVoter, isWanted }) => isVoter && isWanted);
      const isLed = this.#nodes.some(({ core }) => core?.state.replicas.get(shard)?.isLeader);
      const isAdopted = shard === CATALOG_SHARD || members.length === count;
      return isLed && isAdopted && voters.length === count;
    });
  }

  #nodeNumbered(number: number): TestNode {
    const node = this.#nodes[number - 1];
    if (node !== undefined) return node;
    throw invalid(`there is no node ${number}: the nodes are 1 to ${this.#nodes.length}`);
  }

  #cutBetween(one: string, other: string): void {
    this.#network.cut({ from: one, to: other });
    this.#network.cut({ from: other, to: one });
  }

  #nameOf(kv: Client): string {
    const client = this.#clients.find((one) => one.kv === kv);
    if (client !== undefined) return client.name;
    throw invalid('only a node, by its number, or a client of this testkit can be cut off');
  }

  #disturb(trouble: Delays): void {
    this.#delays = trouble;
    for (const from of this.#hosts) {
      for (const to of this.#hosts) if (from !== to) this.#network.disturb({ from, to }, trouble);
    }
  }

  #until(isSo: () => boolean): void {
    const end = this.#time.now + GROWTH_MILLISECONDS_MAX;
    while (!isSo()) {
      if (this.#time.now >= end) throw new Error('the test cluster did not become complete');
      this.#time.runUntil(this.#time.now + STEP_MILLISECONDS);
    }
  }
}

function invalid(message: string): KvError {
  return new KvError({ code: 'invalid-argument', outcome: 'notApplied', message });
}
