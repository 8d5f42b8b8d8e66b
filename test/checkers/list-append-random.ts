/** Histories of a store that does one transaction at a time, under random clients. */

import type { Random } from '../../src/base/random.ts';
import type { MicroOperation, Transaction } from './list-append-history.ts';

export interface TransactionWorkload {
  readonly transactions: number;
  readonly processes: number;
  /** How many keys are in use at once, and after how many appends another one takes its place. */
  readonly keys: number;
  readonly appendsPerKey: number;
  readonly operationsMax: number;
  readonly readShare: number;
  /** Of all transactions. */
  readonly unknownShare: number;
  readonly failedShare: number;
  /** How long a transaction and a pause last at most. */
  readonly durationMax: number;
  readonly pauseMax: number;
}

const LARGE: TransactionWorkload = {
  transactions: 100_000,
  processes: 20,
  keys: 8,
  appendsPerKey: 64,
  operationsMax: 5,
  readShare: 0.5,
  unknownShare: 0.01,
  failedShare: 0.01,
  durationMax: 100,
  pauseMax: 2,
};

/** As large as a long run of a cluster gives. */
export function makeLargeHistory(random: Random): Transaction[] {
  return generateTransactions(random, LARGE);
}

interface Slot extends Omit<Transaction, 'operations'> {
  /** The instant of its effect; infinite if it never takes effect. */
  readonly effectAt: number;
}

/** A history that is strictly serializable, because it was made by doing one thing at a time. */
export function generateTransactions(random: Random, workload: TransactionWorkload): Transaction[] {
  const store = new Store(random, workload);
  return generateSlots(random, workload)
    .sort((one, other) => one.effectAt - other.effectAt)
    .map(({ effectAt, ...slot }) => {
      const operations = store.perform({ isKept: effectAt !== Number.POSITIVE_INFINITY });
      const isLearnt = slot.outcome === 'ok' || random.chance(0.5);
      return { ...slot, operations: isLearnt ? operations : operations.map(forget) };
    })
    .sort((one, other) => one.invokedAt - other.invokedAt);
}

function forget(operation: MicroOperation): MicroOperation {
  return operation.type === 'read' ? { ...operation, list: undefined } : operation;
}

function generateSlots(random: Random, workload: TransactionWorkload): Slot[] {
  const { processes, pauseMax, durationMax, unknownShare, failedShare } = workload;
  const clocks = Array.from({ length: processes }, () => random.below(pauseMax + 1));
  return Array.from({ length: workload.transactions }, (_, number) => {
    const process = number % processes;
    const invokedAt = (clocks[process] ?? 0) + random.below(pauseMax + 1);
    const end = invokedAt + random.below(durationMax + 1);
    clocks[process] = end + 1;
    const isUnknown = random.chance(unknownShare);
    const isFailed = random.chance(failedShare);
    const outcome = isUnknown ? 'unknown' : isFailed ? 'failed' : 'ok';
    const isEffective = outcome === 'ok' || (isUnknown && random.chance(0.5));
    // An unknown transaction may take effect long after its process gave up.
    const patience = isUnknown ? random.pick([1, 10]) : 1;
    const effectAt = invokedAt + random.fraction() * (end - invokedAt) * patience;
    return {
      process,
      invokedAt,
      completedAt: isUnknown ? Number.POSITIVE_INFINITY : end,
      outcome,
      effectAt: isEffective ? effectAt : Number.POSITIVE_INFINITY,
    };
  });
}

class Store {
  readonly #random: Random;
  readonly #workload: TransactionWorkload;
  readonly #lists = new Map<number, readonly number[]>();
  readonly #live: number[];
  #keysMade: number;
  #elementsMade = 0;

  constructor(random: Random, workload: TransactionWorkload) {
    this.#random = random;
    this.#workload = workload;
    this.#live = Array.from({ length: workload.keys }, (_, key) => key);
    this.#keysMade = workload.keys;
  }

  /** What a transaction does and sees; the store remembers it only if it is to be kept. */
  perform({ isKept }: { readonly isKept: boolean }): MicroOperation[] {
    const draft = new Map<number, readonly number[]>();
    const length = this.#random.between(1, this.#workload.operationsMax);
    const operations = Array.from({ length }, (): MicroOperation => {
      const key = this.#random.pick(this.#live);
      const list = draft.get(key) ?? this.#lists.get(key) ?? [];
      if (this.#random.chance(this.#workload.readShare)) return { type: 'read', key, list };
      const element = ++this.#elementsMade;
      draft.set(key, [...list, element]);
      return { type: 'append', key, element };
    });
    if (!isKept) return operations;
    for (const [key, list] of draft) this.#keep(key, list);
    return operations;
  }

  #keep(key: number, list: readonly number[]): void {
    this.#lists.set(key, list);
    if (list.length < this.#workload.appendsPerKey) return;
    this.#live[this.#live.indexOf(key)] = this.#keysMade++;
  }
}
