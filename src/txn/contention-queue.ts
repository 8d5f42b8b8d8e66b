/**
 * Admission control for transactions that check and write the same keys of their home shard: they
 * begin one after another. Of the transactions that saw the same version of a key only one can
 * commit, so the others lose nothing by waiting. A queued transaction has not begun: its
 * coordinator has asked no participant, so it may wait for a younger one. The queue affects only
 * how often transactions conflict; correctness does not depend on it.
 *
 * A transaction whose checks can no longer hold (it is hopeless) will retry with a newer version.
 * If all of them retried at once they would conflict again, so the queue releases them one by one,
 * the eldest first. Until the next tick younger transactions wait for the released one to return,
 * so transactions commit in the order of age.
 */

import { areEqual, nameOf } from '../base/bytes.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { Command, Operation } from '../machine/command.ts';
import type { Contender } from '../machine/transaction-id.ts';
import { hasPriority } from './conflict-policy.ts';

export interface QueuedTransaction {
  readonly contender: Contender;
  readonly keys: readonly string[];
  /** Approximate memory while it waits. */
  readonly bytes: number;
  /** True if a write to this key has made its commit impossible. */
  isHopeless(key: string): boolean;
  /** Starts the transaction. The owner calls `leave` when it ends, in this call or later. */
  begin(): void;
}

/**
 * The keys that only one of the transactions that saw the same version can write, each with what
 * the command saw.
 */
export function contested(operations: Command): ReadonlyMap<string, Operation> {
  const checks = new Map<string, Operation>();
  for (const operation of operations) {
    if (operation.type === 'check-version') checks.set(nameOf(operation.key), operation);
  }
  if (checks.size === 0) return checks;
  const written = new Set<string>();
  for (const { type, key } of operations) if (WRITING.includes(type)) written.add(nameOf(key));
  return new Map([...checks].filter(([key]) => written.has(key)));
}

const WRITING: readonly Operation['type'][] = ['set', 'delete', 'add', 'min', 'max', 'append'];

/** The transactions that wait for one key. Both lists have the eldest first. */
interface Queue {
  /** May still commit: `isHopeless` is evaluated when the key becomes free. */
  readonly waiting: QueuedTransaction[];
  readonly hopeless: QueuedTransaction[];
  /** A transaction that was released when the key became free, and that will retry. */
  expected: Contender | undefined;
}

interface Place {
  readonly key: string;
  readonly list: 'waiting' | 'hopeless';
}

export class ContentionQueue {
  /** The running transaction of each key. */
  readonly #heads = new Map<string, QueuedTransaction>();
  /** Ticks for which each running transaction keeps its keys: it may be blocked elsewhere. */
  readonly #ticksLeft = new Map<QueuedTransaction, number>();
  /** By the key that blocks them. */
  readonly #queues = new Map<string, Queue>();
  /** Invariant: a waiting transaction is in this list and is not running. */
  readonly #places = new Map<QueuedTransaction, Place>();
  #bytes = 0;

  get waiting(): number {
    return this.#places.size;
  }

  /** Others wait for one of its keys. */
  isAwaited({ keys }: QueuedTransaction): boolean {
    return keys.some((key) => this.#isCrowded(key));
  }

  enter(one: QueuedTransaction): void {
    for (const key of one.keys) this.#welcome(one, key);
    const taken = one.keys.find((key) => this.#heads.has(key));
    if (taken !== undefined) return this.#wait(one, { key: taken, list: 'waiting' });
    const lost = one.keys.find((key) => one.isHopeless(key));
    if (lost !== undefined) {
      return this.#isCrowded(lost) ? this.#wait(one, { key: lost, list: 'hopeless' }) : one.begin();
    }
    const kept = one.keys.find((key) => this.#isKeptFrom(one, key));
    if (kept !== undefined) return this.#wait(one, { key: kept, list: 'waiting' });
    for (const key of one.keys) this.#heads.set(key, one);
    if (one.keys.length > 0) this.#ticksLeft.set(one, TRANSACTION_LIMITS.queueTicks);
    one.begin();
  }

  /** Removes a transaction that ended, queued or running. */
  leave(one: QueuedTransaction): void {
    if (this.#places.has(one)) this.#forget(one);
    else this.#free(one, { isOver: true });
  }

  tick(): void {
    for (const [one, ticks] of [...this.#ticksLeft]) {
      if (ticks > 1) this.#ticksLeft.set(one, ticks - 1);
      else this.#free(one, { isOver: false });
    }
    for (const [key, queue] of [...this.#queues]) {
      queue.expected = undefined;
      this.#drop(key);
      if (!this.#heads.has(key)) this.#proceed(key, { isOver: false });
    }
  }

  /** No waiting transaction is started any more. */
  close(): void {
    this.#heads.clear();
    this.#ticksLeft.clear();
    this.#queues.clear();
    this.#places.clear();
    this.#bytes = 0;
  }

  /** Releases the keys of a transaction; the next one may take them. */
  #free(one: QueuedTransaction, how: { readonly isOver: boolean }): void {
    this.#ticksLeft.delete(one);
    const freed = one.keys.filter((key) => this.#heads.get(key) === one);
    for (const key of freed) this.#heads.delete(key);
    for (const key of freed) this.#proceed(key, how);
  }

  /** Starts the eldest transaction that may commit, and releases the eldest hopeless one. */
  #proceed(key: string, { isOver }: { readonly isOver: boolean }): void {
    for (let looks = TRANSACTION_LIMITS.queueLooks; looks > 0 && !this.#heads.has(key); looks--) {
      const next = this.#queues.get(key)?.waiting[0];
      if (next === undefined) break;
      this.#forget(next);
      this.enter(next);
      // The key is kept for a transaction that will retry.
      const place = this.#places.get(next);
      if (place?.key === key && place.list === 'waiting') break;
    }
    const lost = this.#queues.get(key)?.hopeless[0];
    if (lost === undefined) return;
    // A transaction committed, so a hopeless one has a chance if it retries now. Where nothing
    // commits the key is not kept for it, because it may never retry.
    if (isOver) this.#queueAt(key).expected = lost.contender;
    this.#forget(lost);
    lost.begin();
  }

  /** Without room in the queue the transaction begins at once. */
  #wait(one: QueuedTransaction, place: Place): void {
    const queue = this.#queueAt(place.key);
    const length = queue.waiting.length + queue.hopeless.length;
    const hasBytes = this.#bytes + one.bytes <= TRANSACTION_LIMITS.queueBytesMax;
    if (length >= TRANSACTION_LIMITS.queueLengthMax || !hasBytes) {
      this.#drop(place.key);
      return one.begin();
    }
    const list = queue[place.list];
    const at = list.findIndex(({ contender }) => hasPriority(one.contender, contender));
    list.splice(at < 0 ? list.length : at, 0, one);
    this.#places.set(one, place);
    this.#bytes += one.bytes;
  }

  #forget(one: QueuedTransaction): void {
    const place = this.#places.get(one);
    if (place === undefined) return;
    const list = this.#queueAt(place.key)[place.list];
    list.splice(list.indexOf(one), 1);
    this.#places.delete(one);
    this.#bytes -= one.bytes;
    this.#drop(place.key);
  }

  #queueAt(key: string): Queue {
    const queue = this.#queues.get(key) ?? { waiting: [], hopeless: [], expected: undefined };
    this.#queues.set(key, queue);
    return queue;
  }

  /** Removes an empty queue. */
  #drop(key: string): void {
    const queue = this.#queues.get(key);
    if (queue?.expected === undefined && !this.#isCrowded(key)) this.#queues.delete(key);
  }

  #isCrowded(key: string): boolean {
    const { waiting, hopeless } = this.#queues.get(key) ?? EMPTY_QUEUE;
    return waiting.length + hopeless.length > 0;
  }

  /** The expected transaction retries: under a new id, of the same client and age. */
  #welcome({ contender }: QueuedTransaction, key: string): void {
    const queue = this.#queues.get(key);
    if (queue?.expected === undefined) return;
    const { id, age } = queue.expected;
    if (age !== contender.age || !areEqual(id.client, contender.id.client)) return;
    queue.expected = undefined;
    this.#drop(key);
  }

  #isKeptFrom({ contender }: QueuedTransaction, key: string): boolean {
    const expected = this.#queues.get(key)?.expected;
    return expected !== undefined && hasPriority(expected, contender);
  }
}

const EMPTY_QUEUE: Queue = { waiting: [], hopeless: [], expected: undefined };
