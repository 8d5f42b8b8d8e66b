/**
 * Derives from the reads which transactions of an unknown outcome took effect, and in which order
 * the elements of each key were appended.
 */

import type { Append, HistoryIndex, KeyRecord, Visit } from './list-append-index.ts';

/** Fills in the index. Each list is compared once, so the cost is that of reading the history. */
export function orderVersions({ history, visitsOf, isCommitted }: HistoryIndex): void {
  const waiting: number[] = [];
  const absorb = (transaction: number) => {
    for (const visit of visitsOf[transaction] ?? []) {
      for (const append of takeOver(visit)) {
        if (append === undefined) continue;
        const writer = append.visit.transaction;
        if (isCommitted[writer] === 1 || history[writer]?.outcome === 'failed') continue;
        isCommitted[writer] = 1;
        waiting.push(writer);
      }
    }
  };
  for (const [transaction, { outcome }] of history.entries()) {
    if (outcome === 'ok') absorb(transaction);
  }
  // A transaction that was seen took effect, so its own reads count, and what they saw too.
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) absorb(next);
}

const NOTHING: readonly (Append | undefined)[] = [];

/** The appenders of elements that this list shows and no earlier list did. */
function takeOver(visit: Visit): readonly (Append | undefined)[] {
  const { key, list } = visit;
  if (list === undefined) return NOTHING;
  const common = commonLength(key.longest, list);
  key.longestReader ??= visit;
  if (common === list.length) return NOTHING;
  const news = list.slice(common).map((element) => key.appendOf.get(element));
  if (common === key.longest.length) lengthen(key, visit, list, news);
  else key.forks.push(visit);
  return news;
}

function lengthen(
  key: KeyRecord,
  reader: Visit,
  list: readonly number[],
  news: readonly (Append | undefined)[],
): void {
  for (const append of news) {
    if (append !== undefined && append.position < 0) append.position = key.order.length;
    key.order.push(append);
  }
  key.longest = list;
  key.longestReader = reader;
}

function commonLength(one: readonly number[], other: readonly number[]): number {
  const end = Math.min(one.length, other.length);
  for (let at = 0; at < end; at++) if (one[at] !== other[at]) return at;
  return end;
}
