/** Whether the history is possible with transactions one after the other, each once. */

import type { Attempt } from './customer.ts';

export interface History {
  readonly attempts: readonly Attempt[];
  /** The final numbers of each key. */
  readonly lists: ReadonlyMap<string, readonly number[]>;
}

/** The violations; empty if there are none. */
export function faultsOf(history: History): readonly string[] {
  const broken = history.attempts.flatMap((attempt) => partsOf(attempt, history));
  return broken.length > 0 ? broken : circles(history);
}

/** All of it or none, once, and as answered. */
function partsOf({ number, appended, end }: Attempt, { lists }: History): readonly string[] {
  const counts = appended.map((key) => {
    return (lists.get(key) ?? []).filter((one) => one === number).length;
  });
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (counts.some((count) => count > 1)) return [`${number} was done twice`];
  if (total !== 0 && total !== counts.length) return [`${number} was done in part`];
  if (end === undefined) return [`${number} was never answered`];
  const isDone = total > 0;
  const { outcome } = end;
  if (outcome === 'unknown' || isDone === (outcome === 'committed')) return [];
  return [`${number} was told that it is ${outcome}`];
}

/** The order of transactions by lists, by reads and by time has no cycle. */
function circles({ attempts, lists }: History): readonly string[] {
  const done = new Set([...lists.values()].flat());
  const committed = attempts.filter(({ number }) => done.has(number));
  const before = new Map<number, Set<number>>(committed.map(({ number }) => [number, new Set()]));
  const add = (one: number | undefined, other: number | undefined) => {
    if (one === undefined || other === undefined || one === other) return;
    before.get(other)?.add(one);
  };
  for (const list of lists.values()) {
    for (let at = 1; at < list.length; at++) add(list[at - 1], list[at]);
  }
  for (const { number, sights } of committed) {
    for (const { key, count } of sights) {
      const list = lists.get(key) ?? [];
      add(list[count - 1], number);
      add(number, list[count]);
    }
  }
  for (const one of committed) {
    for (const other of committed) {
      if ((one.end?.at ?? 0) < other.beganAt) add(one.number, other.number);
    }
  }
  // A transaction without predecessors goes first; the remaining ones form a cycle.
  for (let isMoving = true; isMoving; ) {
    isMoving = false;
    for (const [number, others] of before) {
      if ([...others].some((other) => before.has(other))) continue;
      before.delete(number);
      isMoving = true;
    }
  }
  return before.size === 0 ? [] : [`these stand in a circle: ${[...before.keys()].join(' ')}`];
}
