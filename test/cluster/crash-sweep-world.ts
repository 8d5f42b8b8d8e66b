/** A small idle cluster without any fault, and one transaction over some of its shards. */

import type { ShardId } from '../../src/base/ids.ts';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import type { Call, ReadCall } from '../../src/client/core/call.ts';
import type { Command, Operation } from '../../src/machine/command.ts';
import type { Part } from '../../src/machine/transaction.ts';
import { encodeTransaction } from '../../src/machine/transaction-codec.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { MemoryNetwork } from '../../src/testkit/memory-network.ts';
import { Agenda } from '../sim/agenda.ts';
import { SimFailure } from '../sim/failure.ts';
import { Probes } from '../sim/probes.ts';
import type { Computer } from './computer.ts';
import { bytesOf, Customer, textOf, type WriteRecord } from './customer.ts';
import { Growth } from './growth.ts';
import { leftoversOf } from './leftovers.ts';
import { Witness } from './witness.ts';

/**
 * - `home-last`: it writes what it checks, so the home shard needs no lock;
 * - `home-prepared`: it also checks keys and a range that it doesn't lock;
 * - `broken`: the last of those checks does not hold, so that it has no effect;
 * - `rivals`: another one, older and with another home, writes the same keys at the same time.
 */
export type Variant = 'home-last' | 'home-prepared' | 'broken' | 'rivals';
export const VARIANTS: readonly Variant[] = ['home-last', 'home-prepared', 'broken', 'rivals'];

const NODES = 3;
const SHARDS = 4;
const PLACED_MILLISECONDS = 20_000;
const STEP_MILLISECONDS = 20;
const DEADLINE_MILLISECONDS = 20_000;

/** The initial value of each of its keys. */
export const BEFORE = 'old';

/** The request to the leader of its home shard, and the resulting value of each written key. */
export interface Asked {
  readonly home: ShardId;
  readonly value: string;
  readonly transaction: Uint8Array;
}

export class SweepWorld {
  readonly agenda: Agenda;
  readonly witness: Witness;
  readonly #growth: Growth;
  readonly #writes: WriteRecord[] = [];
  readonly customer: Customer;
  /** Versions of the initial values. */
  readonly #versions = new Map<string, number>();

  constructor(seed: number) {
    const random = new Random(seed);
    this.agenda = new Agenda(random.fork('ties'));
    const { agenda } = this;
    const network = new MemoryNetwork({ time: agenda, random: random.fork('network') });
    const surroundings = { agenda, network, random: random.fork('all'), probes: new Probes() };
    this.witness = new Witness(() => agenda.now);
    this.#growth = new Growth({
      surroundings,
      random,
      witness: this.witness,
      limits: RAFT_LIMITS,
    });
    const urls = Array.from({ length: NODES }, (_, at) => `ws://node-${at + 1}`);
    this.customer = new Customer({ number: 1, surroundings, urls, writes: this.#writes });
  }

  get computers(): readonly Computer[] {
    return this.#growth.computers;
  }

  get writes(): readonly WriteRecord[] {
    return this.#writes;
  }

  get map(): ClusterMap {
    const map = this.computers[0]?.core?.state.map ?? this.computers[1]?.core?.state.map;
    if (map === undefined) this.fail('liveness', 'no node has a map');
    return map;
  }

  /** Three nodes with all replicas, and every key of the transaction written once. */
  begin(): void {
    this.#growth.begin({ shards: SHARDS, replicas: NODES });
    this.until('it is founded', () => this.#growth.isFounded, PLACED_MILLISECONDS);
    for (let at = 1; at < NODES; at++) this.#growth.join(0);
    const isGrown = () =>
      this.computers.every(({ core }) => core?.state.map?.nodes.length === NODES) &&
      this.#growth.isPlaced &&
      this.#leaders().size === NODES;
    this.until('it is grown', isGrown, PLACED_MILLISECONDS);
    for (const key of this.keys()) this.#put(key);
    this.agenda.runUntil(this.agenda.now + 1000);
  }

  /** Two keys in each participant: one is written, the other only checked. */
  keys(): readonly string[] {
    return [...this.written(), ...this.seen()];
  }

  /** One key each in three shards. */
  written(): readonly string[] {
    return this.#dataShards()
      .slice(0, 3)
      .map((shard) => this.#keyIn(shard, 0));
  }

  /** In the last of those, and in one that locks nothing. */
  seen(): readonly string[] {
    return this.#dataShards()
      .slice(2, 4)
      .map((shard) => this.#keyIn(shard, 1));
  }

  /** The home shard's leader, by its index among the computers. */
  leaderOf(shard: ShardId): number {
    return this.computers.findIndex(({ core }) => core?.state.replicas.get(shard)?.isLeader);
  }

  /** No two of them can both take effect: each writes what the others have checked. */
  asked(variant: Variant): readonly Asked[] {
    const [one, two, three] = this.written() as [string, string, string];
    const order = { client: 7, age: 2, value: 'new' };
    if (variant !== 'rivals') return [this.#asked(variant, [one, two, three], order)];
    const older = { client: 8, age: 1, value: 'newer' };
    return [
      this.#asked('home-prepared', [one, two, three], order),
      this.#asked('home-prepared', [two, three, one], older),
    ];
  }

  #asked(
    variant: Variant,
    keys: readonly string[],
    { client, age, value }: { readonly client: number; readonly age: number; value: string },
  ): Asked {
    const [beside, apart] = this.seen() as [string, string];
    const parts = keys.map((key): Part => {
      const put = { type: 'set', key: bytesOf(key), value: bytesOf(value) } as const;
      const command = [this.#guard(key), { ...put, lifeMilliseconds: 0 }];
      const isBeside = variant !== 'home-last' && this.#shardOf(beside) === this.#shardOf(key);
      return this.#part(key, isBeside ? [...command, this.#guard(beside)] : command);
    });
    const range: Operation = {
      type: 'check-range',
      key: bytesOf('sweep-'),
      to: bytesOf('sweep.'),
      count: variant === 'broken' ? 2 : 1,
      seenAt: this.#versions.get(apart) ?? 0,
    };
    if (variant !== 'home-last') parts.push(this.#part(apart, [this.#guard(apart), range]));
    const home = this.#shardOf(keys[0] ?? '');
    const name = new Uint8Array(16).fill(client);
    const transaction = encodeTransaction({ client: name, sequence: 1, attempts: 0, age, parts });
    return { home, value, transaction };
  }

  #guard(key: string): Operation {
    return { type: 'check-version', key: bytesOf(key), version: this.#versions.get(key) ?? 0 };
  }

  /** Undefined if it has not come in time. */
  call<T extends Call>(asked: Parameters<typeof this.customer.call<T>>[0], patience: number) {
    let result: Parameters<T['settle']>[0] | undefined;
    this.customer.call<T>(asked, (told) => {
      result = told;
    });
    this.until('an answer', () => result !== undefined, patience);
    return result as Parameters<T['settle']>[0];
  }

  readAll(): readonly string[] {
    const keys = this.keys().map(bytesOf);
    const level = { type: 'linearizable' } as const;
    const result = this.call<ReadCall>({ type: 'read', keys, level, isJoint: true }, 6000);
    if (result.type === 'failed') this.fail('liveness', `nothing is read: ${result.message}`);
    return result.rows.map((row) => (row === undefined ? '' : textOf(row.value)));
  }

  /** Undefined if no remains of a transaction are left anywhere. */
  leftovers(): string | undefined {
    for (const { core, url } of this.computers) {
      if (core === undefined) return `${url} is down`;
      const left = leftoversOf(core);
      if (left !== undefined) return `${url}: ${left}`;
    }
    return undefined;
  }

  until(what: string, isSo: () => boolean, patience: number): void {
    const until = this.agenda.now + patience;
    while (!isSo()) {
      if (this.agenda.now >= until) this.fail('liveness', `${what}: not in ${patience} ms`);
      this.agenda.runUntil(this.agenda.now + STEP_MILLISECONDS);
    }
  }

  fail(oracle: string, message: string): never {
    throw new SimFailure(oracle, message, { time: this.agenda.now });
  }

  #put(key: string): void {
    let record: WriteRecord | undefined;
    const put = { type: 'set', key: bytesOf(key), value: bytesOf(BEFORE) } as const;
    this.customer.write([{ ...put, lifeMilliseconds: 0 }], (told) => {
      record = told;
    });
    this.until('the keys are written', () => record !== undefined, 6000);
    if (record?.reply?.type !== 'done') this.fail('liveness', `${key} was not written`);
    this.#versions.set(key, record.reply.version);
  }

  #part(key: string, operations: Command): Part {
    const shard = this.#shardOf(key);
    const replica = this.computers[this.leaderOf(shard)]?.core?.state.replicas.get(shard);
    const deadline = Math.floor(replica?.logTime ?? 0) + DEADLINE_MILLISECONDS;
    const epoch = this.map.shards[shard]?.epoch ?? 0;
    return { shard, epoch, deadline, operations };
  }

  #leaders(): Set<number> {
    return new Set(this.#dataShards().map((shard) => this.leaderOf(shard)));
  }

  #dataShards(): readonly ShardId[] {
    return this.map.shards.map(({ shard }) => shard).filter((shard) => shard > 0);
  }

  #shardOf(key: string): ShardId {
    const position = keyPosition(bytesOf(key));
    const row = this.map.shards.find(({ from, to }) => from <= position && position < to);
    return row?.shard ?? this.fail('sweep', `${key} lies nowhere`);
  }

  /** The first one, or the one after it. */
  #keyIn(shard: ShardId, place: number): string {
    let left = place;
    for (let number = 0; ; number++) {
      const key = `sweep-${number}`;
      if (this.#shardOf(key) !== shard) continue;
      if (left === 0) return key;
      left -= 1;
    }
  }
}
