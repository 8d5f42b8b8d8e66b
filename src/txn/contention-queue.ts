/**
 * Transactions that check and write the same keys of their home shard begin one after another: of
 * those that saw the same version only one can commit, so the others lose nothing by waiting. Who
 * waits here has not begun: its coordinator has asked nobody, and it may wait for a younger one.
 * Nothing hangs on the line but how often many are in each other's way.
 *
 * Whoever has lost all hope meanwhile will come back with a newer version. A crowd that came back
 * at once would be in its own way, so they are let go one by one, the eldest first, and until the
 * next tick whoever is younger waits until it is back: so they get through in the order of age.
 */

import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { areEqual, nameOf } from '../machine/bytes.ts';
import type { Command, Operation } from '../machine/command.ts';
import type { Contender } from '../machine/transaction-id.ts';
import { hasPriority } from './conflict-policy.ts';

export interface QueuedTransaction {
  readonly contender: Contender;
  readonly keys: readonly string[];
  /** About what it takes while it waits. */
  readonly bytes: number;
  /** For what was written to this key of it, it can't commit any more. */
  isHopeless(key: string): boolean;
  /** It may, and says by `leave` when it is over, in this call or later. */
  begin(): void;
}

/** The keys that only one of those that saw the same can write, and how each says what it saw. */
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

const WRITING: readonly Operation['type'][] = ['put', 'delete', 'add', 'min', 'max', 'append'];

/** Whoever stands at one key. Both lists have the eldest first. */
interface Queue {
  /** Who may have hope: that is looked at when the key is free. */
  readonly waiting: QueuedTransaction[];
  readonly hopeless: QueuedTransaction[];
  /** One that was let go when the key became free, and will be back. */
  expected: Contender | undefined;
}

interface Place {
  readonly key: string;
  readonly list: 'waiting' | 'hopeless';
}

export class ContentionQueue {
  /** Who is on its way, by each of its keys. */
  readonly #heads = new Map<string, QueuedTransaction>();
  /** For how many ticks each of them keeps its keys: somewhere it may be waiting for long. */
  readonly #ticksLeft = new Map<QueuedTransaction, number>();
  /** By the key that was in the way. */
  readonly #queues = new Map<string, Queue>();
  /** Invariant: whoever waits does so in this list, and is not on its way. */
  readonly #places = new Map<QueuedTransaction, Place>();
  #bytes = 0;

  get waiting(): number {
    return this.#places.size;
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
    if (one.keys.length > 0) this.#ticksLeft.set(one, TRANSACTION_LIMITS.lineTicks);
    one.begin();
  }

  /** It is over, wherever it was. */
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

  /** Nobody is called any more. */
  close(): void {
    this.#heads.clear();
    this.#ticksLeft.clear();
    this.#queues.clear();
    this.#places.clear();
    this.#bytes = 0;
  }

  /** The next one may have its keys. */
  #free(one: QueuedTransaction, how: { readonly isOver: boolean }): void {
    this.#ticksLeft.delete(one);
    const freed = one.keys.filter((key) => this.#heads.get(key) === one);
    for (const key of freed) this.#heads.delete(key);
    for (const key of freed) this.#proceed(key, how);
  }

  /** The eldest that has hope goes on, and the eldest that has none is let go. */
  #proceed(key: string, { isOver }: { readonly isOver: boolean }): void {
    for (let looks = TRANSACTION_LIMITS.lineLooks; looks > 0 && !this.#heads.has(key); looks--) {
      const next = this.#queues.get(key)?.waiting[0];
      if (next === undefined) break;
      this.#forget(next);
      this.enter(next);
      // The key is kept for one that will be back.
      const place = this.#places.get(next);
      if (place?.key === key && place.list === 'waiting') break;
    }
    const lost = this.#queues.get(key)?.hopeless[0];
    if (lost === undefined) return;
    // Somebody got through: now it has a chance, if nobody is faster. Where nothing moves nobody
    // waits for it, for it may never be back.
    if (isOver) this.#queueAt(key).expected = lost.contender;
    this.#forget(lost);
    lost.begin();
  }

  /** Without room for it, it begins at once, as if there were no line. */
  #wait(one: QueuedTransaction, place: Place): void {
    const queue = this.#queueAt(place.key);
    const length = queue.waiting.length + queue.hopeless.length;
    const hasBytes = this.#bytes + one.bytes <= TRANSACTION_LIMITS.lineBytesMax;
    if (length >= TRANSACTION_LIMITS.lineMax || !hasBytes) {
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

  /** A queue that nobody stands in goes. */
  #drop(key: string): void {
    const queue = this.#queues.get(key);
    if (queue?.expected === undefined && !this.#isCrowded(key)) this.#queues.delete(key);
  }

  #isCrowded(key: string): boolean {
    const { waiting, hopeless } = this.#queues.get(key) ?? EMPTY_QUEUE;
    return waiting.length + hopeless.length > 0;
  }

  /** It is back: under a new name, of the same client and age. */
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
