/** An independent check of small histories of transactions: tries every order. */

import type { Key, Transaction } from './list-append-history.ts';

type Lists = ReadonlyMap<Key, readonly number[]>;

interface Placed {
  readonly transaction: Transaction;
  /** Its place among all by their beginnings, which tells those of one process apart. */
  readonly rank: number;
}

/** Whether some order of the committed, and of some unknown ones, explains every read. */
export function isSerializableByForce(history: readonly Transaction[]): boolean {
  const rest = [...history]
    .sort((one, other) => one.invokedAt - other.invokedAt)
    .map((transaction, rank) => ({ transaction, rank }))
    .filter(({ transaction }) => transaction.outcome !== 'failed');
  return canOrder(new Map(), rest);
}

function canOrder(lists: Lists, rest: readonly Placed[]): boolean {
  if (rest.every(({ transaction }) => transaction.outcome === 'unknown')) return true;
  return rest.some((placed) => {
    if (rest.some((other) => mustPrecede(other, placed))) return false;
    const after = perform(lists, placed.transaction);
    if (after === undefined) return false;
    return canOrder(
      after,
      rest.filter((other) => other !== placed),
    );
  });
}

function mustPrecede(one: Placed, other: Placed): boolean {
  if (one.transaction.outcome !== 'ok') return false;
  const end = one.transaction.completedAt;
  const start = other.transaction.invokedAt;
  const isSameProcess = one.transaction.process === other.transaction.process;
  return end < start || (isSameProcess && one.rank < other.rank && end === start);
}

function perform(lists: Lists, { operations }: Transaction): Lists | undefined {
  const after = new Map(lists);
  for (const operation of operations) {
    const list = after.get(operation.key) ?? [];
    if (operation.type === 'append') after.set(operation.key, [...list, operation.element]);
    else if (operation.list !== undefined && String(operation.list) !== String(list)) {
      return undefined;
    }
  }
  return after;
}
