/** Histories of a store that keeps one order for each key, but returns any prefix of it. */

import type { Random } from '../../src/base/random.ts';
import type { Key, MicroOperation, Transaction } from './list-append-history.ts';

type Order = ReadonlyMap<Key, readonly number[]>;

/** Keeps the operations and their times, and gives the reads other answers. */
export function weaken(random: Random, history: readonly Transaction[]): Transaction[] {
  const order = orderAppends(random, history);
  return history.map((transaction) => ({
    ...transaction,
    operations: answer(random, transaction.operations, order),
  }));
}

/** Mostly as the transactions follow each other, without those that did not take effect. */
function orderAppends(random: Random, history: readonly Transaction[]): Order {
  const order = new Map<Key, number[]>();
  for (const { outcome, operations } of history) {
    if (outcome === 'failed' || (outcome === 'unknown' && random.chance(0.5))) continue;
    for (const operation of operations) {
      if (operation.type === 'read') continue;
      const list = order.get(operation.key) ?? [];
      const place = random.chance(0.8) ? list.length : random.between(0, list.length);
      list.splice(place, 0, operation.element);
      order.set(operation.key, list);
    }
  }
  return order;
}

/** A transaction sees its own appends, and one prefix of a list until its first append. */
function answer(
  random: Random,
  operations: readonly MicroOperation[],
  order: Order,
): MicroOperation[] {
  const seen = new Map<Key, readonly number[]>();
  return operations.map((operation) => {
    const { key } = operation;
    const list = order.get(key) ?? [];
    const own = operations.find((other) => other.type === 'append' && other.key === key);
    const place = own?.type === 'append' ? list.indexOf(own.element) : -1;
    if (!seen.has(key)) {
      const isAny = place < 0 || random.chance(0.2);
      seen.set(key, list.slice(0, isAny ? random.between(0, list.length) : place));
    }
    const before = seen.get(key) ?? [];
    if (operation.type === 'read') return { ...operation, list: before };
    seen.set(key, [...before, operation.element]);
    return operation;
  });
}
