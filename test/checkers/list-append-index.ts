/** The index of a history: for each key its visits, and what each visit read and appended. */

import { assert } from '../../src/base/assert.ts';
import { describeList, type Key, type Transaction } from './list-append-history.ts';

export interface Append {
  readonly visit: Visit;
  readonly element: number;
  /** Its place in the longest list that was read, negative if no read shows it. */
  position: number;
}

/** All that one transaction did to one key. */
export interface Visit {
  /** Its place in the history. */
  readonly transaction: number;
  readonly key: KeyRecord;
  readonly appends: Append[];
  /** The longest list that it read, its own appends included. */
  list: readonly number[] | undefined;
  /** How many elements were there before its own, negative if it did not read. */
  prefixLength: number;
  /** How its own operations contradict each other. */
  fault: string | undefined;
}

export interface KeyRecord {
  readonly name: Key;
  readonly number: number;
  readonly visits: Visit[];
  readonly appendOf: Map<number, Append>;
  /** The longest list that a committed transaction read. */
  longest: readonly number[];
  longestReader: Visit | undefined;
  /** The appenders of the elements of the longest list, where known. */
  readonly order: (Append | undefined)[];
  /** Committed visits that read a list which is not a start of the longest one. */
  readonly forks: Visit[];
}

export interface HistoryIndex {
  readonly history: readonly Transaction[];
  readonly keys: readonly KeyRecord[];
  /** Of each transaction of the history. */
  readonly visitsOf: readonly (readonly Visit[])[];
  /** One for each transaction that took effect, as far as is known. */
  readonly isCommitted: Uint8Array;
}

export function indexHistory(history: readonly Transaction[]): HistoryIndex {
  const records = new Map<Key, KeyRecord>();
  const keys: KeyRecord[] = [];
  const recordOf = (name: Key) => {
    const known = records.get(name);
    if (known !== undefined) return known;
    const record = makeRecord(name, keys.length);
    records.set(name, record);
    keys.push(record);
    return record;
  };
  const visitsOf = history.map((transaction, number) => {
    assert(transaction.invokedAt <= transaction.completedAt, 'a transaction ends after it begins');
    return visitsIn(transaction, number, recordOf);
  });
  const isCommitted = Uint8Array.from(history, ({ outcome }) => (outcome === 'ok' ? 1 : 0));
  return { history, keys, visitsOf, isCommitted };
}

/** Whether some append of the visit is shown by no read; then it is the last one. */
export function endsUnseen({ appends }: Visit): boolean {
  const last = appends.at(-1);
  return last !== undefined && last.position < 0;
}

function makeRecord(name: Key, number: number): KeyRecord {
  return {
    name,
    number,
    visits: [],
    appendOf: new Map(),
    longest: [],
    longestReader: undefined,
    order: [],
    forks: [],
  };
}

function visitsIn(
  { operations }: Transaction,
  transaction: number,
  recordOf: (name: Key) => KeyRecord,
): Visit[] {
  const visits: Visit[] = [];
  for (const operation of operations) {
    const key = recordOf(operation.key);
    let visit = key.visits.at(-1);
    if (visit?.transaction !== transaction) {
      visit = {
        transaction,
        key,
        appends: [],
        list: undefined,
        prefixLength: -1,
        fault: undefined,
      };
      key.visits.push(visit);
      visits.push(visit);
    }
    if (operation.type === 'append') noteAppend(visit, operation.element);
    else if (operation.list !== undefined) noteRead(visit, operation.list);
  }
  return visits;
}

function noteAppend(visit: Visit, element: number): void {
  const { key } = visit;
  assert(!key.appendOf.has(element), `${element} is appended to ${key.name} once at most`);
  const append = { visit, element, position: -1 };
  visit.appends.push(append);
  key.appendOf.set(element, append);
}

/** What precedes a transaction's own appends is the same during all of it. */
function noteRead(visit: Visit, list: readonly number[]): void {
  const { key, appends } = visit;
  const prefixLength = list.length - appends.length;
  const endsInOwn = appends.every(({ element }, at) => list[prefixLength + at] === element);
  if (prefixLength < 0 || !endsInOwn) {
    const own = describeList(appends.map(({ element }) => element));
    visit.fault ??= `read ${key.name} as ${describeList(list)} after its own appends of ${own}`;
    return;
  }
  const before = visit.list;
  if (before !== undefined) {
    const isSame = prefixLength === visit.prefixLength && startsWith(list, before);
    const lists = `${describeList(before)} and then as ${describeList(list)}`;
    if (!isSame) visit.fault ??= `read ${key.name} as ${lists}`;
    if (!isSame) return;
  }
  visit.list = list;
  visit.prefixLength = prefixLength;
}

function startsWith(list: readonly number[], start: readonly number[]): boolean {
  for (let at = 0; at < start.length; at++) if (list[at] !== start[at]) return false;
  return true;
}
