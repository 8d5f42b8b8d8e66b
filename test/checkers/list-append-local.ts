/** Finds the anomalies that need no graph: each list and each transaction on its own. */

import { LocalFindings } from './list-append-findings.ts';
import { describeList } from './list-append-history.ts';
import type { Append, HistoryIndex, Visit } from './list-append-index.ts';

/** Of an index whose versions are in order. */
export function findLocalAnomalies(index: HistoryIndex): LocalFindings {
  const findings = new LocalFindings();
  for (const key of index.keys) {
    if (key.longestReader !== undefined) judgeList(key.longestReader, index, findings);
    for (const fork of key.forks) judgeFork(fork, index, findings);
    const visits = key.visits.filter(({ transaction }) => index.isCommitted[transaction] === 1);
    for (const visit of visits) judgeVisit(visit, index, findings);
    judgeLosses(visits, index, findings);
  }
  return findings;
}

function judgeFork(visit: Visit, index: HistoryIndex, findings: LocalFindings): void {
  const { longest, longestReader } = visit.key;
  const other = `T${longestReader?.transaction} read it as ${describeList(longest)}`;
  findings.add('incompatible-order', `${describeRead(visit)}, and ${other}`);
  judgeList(visit, index, findings);
}

/** Who appended the elements, and whether they did. */
function judgeList(visit: Visit, { history }: HistoryIndex, findings: LocalFindings): void {
  const seen = new Set<number>();
  let dirty: string | undefined;
  for (const element of visit.list ?? []) {
    if (seen.has(element)) {
      findings.add('duplicate-element', `${describeRead(visit)}, with ${element} twice`);
    }
    seen.add(element);
    const writer = visit.key.appendOf.get(element)?.visit.transaction;
    if (writer === undefined) {
      findings.add('garbage-read', `${describeRead(visit)}, but ${element} was never appended`);
      continue;
    }
    if (history[writer]?.outcome === 'failed') {
      const deed = `T${writer} appended ${element} and failed`;
      findings.add('G1a', `${describeRead(visit)}, but ${deed}`);
      dirty ??= `${element} of T${writer}, which failed`;
    } else if (dirty !== undefined) {
      const deed = `T${writer} appended ${element} to ${visit.key.name}`;
      findings.add('dirty-update', `${deed} behind ${dirty}`);
    }
  }
}

function judgeVisit(visit: Visit, { isCommitted }: HistoryIndex, findings: LocalFindings): void {
  const { key, transaction, appends, fault, prefixLength } = visit;
  if (fault !== undefined) findings.add('internal', `T${transaction} ${fault}`);
  if (key.forks.length > 0) return;
  const early = appends.find(({ position }) => position >= 0 && position < prefixLength);
  if (early !== undefined) {
    findings.add('internal', `${describeRead(visit)} before it appended ${early.element}`);
  }
  const last = key.order[prefixLength - 1];
  if (last !== undefined && isCut(last, visit) && isCommitted[last.visit.transaction] === 1) {
    const rest = `T${last.visit.transaction} appended more behind ${last.element}`;
    findings.add('G1b', `${describeRead(visit)}, but ${rest}`);
  }
  judgeOwnOrder(visit, findings);
}

/** Whether the writer of the last element that a visit saw appended more that it did not see. */
function isCut({ visit: writer }: Append, reader: Visit): boolean {
  const end = writer.appends.at(-1)?.position ?? 0;
  return writer !== reader && (end < 0 || end >= reader.prefixLength);
}

/** A transaction's appends to a key are in the list in their order, and none is left out. */
function judgeOwnOrder({ key, transaction, appends }: Visit, findings: LocalFindings): void {
  for (const [at, append] of appends.entries()) {
    const before = appends[at - 1];
    if (before === undefined || append.position < 0) continue;
    if (before.position >= 0 && before.position < append.position) continue;
    const deed = `T${transaction} appended ${before.element} to ${key.name}`;
    const list = `the longest list is ${describeList(key.longest)}`;
    const name = before.position < 0 ? 'lost-append' : 'incompatible-order';
    findings.add(name, `${deed} and then ${append.element}, and ${list}`);
  }
}

/** Elements that no list shows although they took effect before some list was read. */
function judgeLosses(visits: readonly Visit[], index: HistoryIndex, findings: LocalFindings): void {
  const { history } = index;
  const invokedAt = ({ transaction }: Visit) => history[transaction]?.invokedAt ?? 0;
  let latest: Visit | undefined;
  for (const visit of visits) {
    if (visit.list === undefined) continue;
    if (latest === undefined || invokedAt(visit) > invokedAt(latest)) latest = visit;
  }
  if (latest === undefined) return;
  for (const { transaction, key, appends } of visits) {
    const lost = appends.find(({ position }) => position < 0);
    const completedAt = history[transaction]?.completedAt ?? Number.POSITIVE_INFINITY;
    if (lost === undefined || key.forks.length > 0 || completedAt >= invokedAt(latest)) continue;
    const deed = `T${transaction} appended ${lost.element} to ${key.name}`;
    findings.add('lost-append', `${deed} and completed before ${describeRead(latest)}`);
  }
}

function describeRead({ transaction, key, list = [] }: Visit): string {
  return `T${transaction} read ${key.name} as ${describeList(list)}`;
}
