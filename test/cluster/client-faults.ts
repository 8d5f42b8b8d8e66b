/** Faults that leases and streams depend on: of clients and their clocks, and of one shard. */

import type { Random } from '../../src/base/random.ts';
import { CATALOG_SHARD } from '../../src/catalog/cluster-map.ts';
import { quieten, wake } from './absence.ts';
import type { Computer } from './computer.ts';
import type { Customer } from './customer.ts';
import type { Surroundings } from './surroundings.ts';
import { newestMap } from './survivors.ts';

export const PLAIN_FAULTS = ['customer'] as const;
/** Plain work cannot tell most of them from a slow network. */
export const TIMED_FAULTS = [
  'customer',
  'client-held',
  'client-asleep',
  'client-wall',
  'client-cut',
  'leaderless',
] as const;
export type ClientFault = (typeof TIMED_FAULTS)[number];

interface ClientFaultsOptions {
  readonly surroundings: Surroundings;
  readonly computers: readonly Computer[];
  readonly customers: readonly Customer[];
  readonly random: Random;
  /** Undoes a fault after a while, within these bounds. */
  readonly later: (undo: () => void, span?: Span) => void;
}

interface Span {
  readonly min: number;
  readonly max: number;
}

const HOLDS = [300, 2000, 8000, 60_000];
const WALL_STEPS = [-3_600_000, -5000, 5000, 20_000, 3_600_000];
const LEADERLESS: readonly Span[] = [
  { min: 1000, max: 8000 },
  { min: 10_000, max: 60_000 },
];
const CUT: Span = { min: 500, max: 15_000 };

export class ClientFaults {
  readonly #options: ClientFaultsOptions;

  constructor(options: ClientFaultsOptions) {
    this.#options = options;
  }

  strike(kind: ClientFault): void {
    const { customers, random, later } = this.#options;
    const customer = random.pick(customers);
    switch (kind) {
      case 'customer':
        return customer.crash();
      case 'leaderless':
        return this.#silenceShard();
      case 'client-held':
        return customer.hold(random.between(20, random.pick(HOLDS)));
      case 'client-asleep':
        return customer.suspend(random.between(20, random.pick(HOLDS)));
      case 'client-wall':
        return customer.setWall(random.pick(WALL_STEPS));
      case 'client-cut':
        return later(this.#cut(customer), CUT);
    }
  }

  /** All replicas of a shard stand still: it has no leader, while its nodes are well. */
  #silenceShard(): void {
    const { computers, random, later } = this.#options;
    const shards = (newestMap(computers)?.shards ?? []).map(({ shard }) => shard);
    const data = shards.filter((shard) => shard !== CATALOG_SHARD);
    if (data.length === 0) return;
    const shard = random.pick(data);
    const held = computers.flatMap(({ core }) => core?.state.replicas.get(shard) ?? []);
    for (const replica of held) quieten(replica);
    later(() => {
      for (const replica of held) wake(replica);
    }, random.pick(LEADERLESS));
  }

  /** What it sends, or what it should get, is lost, at some nodes or all. */
  #cut({ url }: Customer): () => void {
    const { computers, random, surroundings } = this.#options;
    const { network } = surroundings;
    const chosen = random.chance(0.5) ? computers : computers.filter(() => random.chance(0.5));
    const isDeaf = random.chance(0.5);
    const pairs = chosen.map((computer) =>
      isDeaf ? { from: computer.url, to: url } : { from: url, to: computer.url },
    );
    for (const pair of pairs) network.cut(pair);
    return () => {
      for (const pair of pairs) network.restore(pair);
    };
  }
}
