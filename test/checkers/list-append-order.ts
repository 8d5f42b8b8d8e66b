/**
 * The order by the clock. Whatever ended leads to a junction, junctions lead on to later ones, and
 * the latest one leads to whatever begins, so that one step of a path spans any time.
 */

import { type EdgeList, KIND } from './cycle-graph.ts';
import type { HistoryIndex } from './list-append-index.ts';

interface Span {
  readonly number: number;
  readonly process: number;
  readonly start: number;
  readonly end: number;
}

/** The process edges and the realtime edges. Intervals that touch are ordered in a process only. */
export function addOrderEdges(index: HistoryIndex, edges: EdgeList): void {
  const spans = byBeginning(index);
  const processes = new Map<number, Span[]>();
  for (const span of spans) {
    const own = processes.get(span.process);
    if (own === undefined) processes.set(span.process, [span]);
    else own.push(span);
  }
  const isBeforeInProcess = (one: Span, other: Span) =>
    one.end <= other.start && compareBeginnings(one, other) < 0;
  for (const own of processes.values()) {
    addEdges(own, { isBefore: isBeforeInProcess, kind: KIND.process, edges });
  }
  addEdges(spans, { isBefore: (one, other) => one.end < other.start, kind: KIND.realtime, edges });
}

/** Nothing comes after one whose outcome is unknown, since it has no end. */
function byBeginning({ history, isCommitted }: HistoryIndex): Span[] {
  const spans: Span[] = [];
  for (const [number, { process, invokedAt, completedAt, outcome }] of history.entries()) {
    if (isCommitted[number] !== 1) continue;
    const end = outcome === 'ok' ? completedAt : Number.POSITIVE_INFINITY;
    spans.push({ number, process, start: invokedAt, end });
  }
  return spans.sort(compareBeginnings);
}

function compareBeginnings(one: Span, other: Span): number {
  return one.start - other.start || one.number - other.number;
}

interface Order {
  isBefore(one: Span, other: Span): boolean;
  readonly kind: number;
  readonly edges: EdgeList;
}

/** The spans come in the order of their beginnings. */
function addEdges(spans: readonly Span[], { isBefore, kind, edges }: Order): void {
  const ended = spans
    .filter(({ end }) => end !== Number.POSITIVE_INFINITY)
    .sort((one, other) => one.end - other.end || compareBeginnings(one, other));
  let endedCount = 0;
  let latest: number | undefined;
  for (const span of spans) {
    const before = endedCount;
    const junction = edges.nodeCount;
    for (let one = ended[endedCount]; one && isBefore(one, span); one = ended[endedCount]) {
      edges.add({ from: one.number, to: junction, kind, label: 0 });
      endedCount++;
    }
    if (endedCount > before) {
      edges.addJunction();
      if (latest !== undefined)
        edges.add({ from: latest, to: junction, kind: KIND.link, label: 0 });
      latest = junction;
    }
    if (latest !== undefined) {
      edges.add({ from: latest, to: span.number, kind: KIND.link, label: 0 });
    }
  }
}
