/** The work of all customers: which kinds there are in a run, and how often each is picked. */

import type { Probes } from '../sim/probes.ts';
import { Bank } from './bank.ts';
import type { Computer } from './computer.ts';
import { Counters } from './counters.ts';
import type { Customer, WriteRecord } from './customer.ts';
import { Forks } from './forks.ts';
import { LargeValues } from './large-values.ts';
import { ListAppend } from './lists.ts';
import { Lives } from './lives.ts';
import { ManyRows } from './many-rows.ts';
import { Owners } from './owners.ts';
import type { ClusterPlan } from './plan.ts';
import { RawLocks } from './raw-locks.ts';
import { Registers } from './registers.ts';
import { Registrants } from './registrants.ts';
import { Rings } from './rings.ts';
import { Rivals } from './rivals.ts';
import { Rooms } from './rooms.ts';
import { Scans } from './scans.ts';
import { VALUE_BYTES_MAX } from './small-limits.ts';
import { StaleReads } from './stale-reads.ts';
import { Watchers } from './watchers.ts';
import type { Workload } from './workload.ts';

const BURST_CALLS = 300;

interface WorkOptions {
  readonly probes: Probes;
  readonly computers: () => readonly Computer[];
  /** Of all customers, as they end. */
  readonly writes: readonly WriteRecord[];
}

export class Work {
  readonly #plan: ClusterPlan;
  readonly #registers: Registers;
  readonly #counters = new Counters();
  readonly #lists = new ListAppend();
  /** The kinds that find most, and are picked most. */
  readonly #first: readonly Workload[];
  readonly all: readonly Workload[];

  constructor(plan: ClusterPlan, { probes, computers, writes }: WorkOptions) {
    this.#plan = plan;
    const keys = Array.from({ length: plan.keys }, (_, at) => `key-${at}`);
    const levels = [{ type: 'linearizable' }, { type: 'lease' }] as const;
    this.#registers = new Registers({ keys, levels, probes });
    const transactions = [this.#lists, new Bank(), new Rings(), new Forks(), new Rooms()];
    const others = [
      this.#registers,
      this.#counters,
      new Lives(),
      new Scans(),
      new StaleReads({ keys }),
      new LargeValues(VALUE_BYTES_MAX),
      new Rivals(),
    ];
    const many = plan.hasManyRows ? [new ManyRows()] : [];
    const hit = (probe: string) => probes.hit(probe);
    const owners = new Owners({ isDriftBounded: plan.isDriftBounded, hit });
    const isOfLocks = plan.profile === 'locks';
    const locks = isOfLocks ? [owners, owners, new Registrants(plan), new RawLocks()] : [];
    const { shards } = plan;
    const watches = plan.profile === 'watch' ? [new Watchers({ shards, computers, writes })] : [];
    this.#first = {
      cluster: [this.#registers],
      txn: [this.#lists, ...transactions],
      watch: watches,
      locks,
    }[plan.profile];
    const leased = plan.profile === 'watch' ? [new Registrants(plan), new RawLocks()] : [];
    const special = [...locks, ...watches, ...leased];
    this.all = [...new Set([...others, ...many, ...transactions, ...special])];
  }

  /** Reads that have ended. */
  get reads(): number {
    return this.#registers.history.length + this.#lists.history.length;
  }

  step(customer: Customer, done: () => void): void {
    const { random } = customer;
    if (this.#plan.hasBursts && random.chance(0.01)) {
      customer.hit('burst');
      return this.#counters.burst(customer, BURST_CALLS, done);
    }
    const dice = random.fraction();
    const workload = random.pick(dice < FIRST[this.#plan.profile] ? this.#first : this.all);
    workload.step(customer, done);
  }
}

/** The fraction of all work of the kinds that find most. */
const FIRST = { cluster: 0.4, txn: 0.65, watch: 0.6, locks: 0.8 } as const;
