/**
 * The graph of the order of transactions. Its nodes are the transactions of the history; without
 * local anomalies every order of the committed ones that follows its edges explains every read,
 * so that a history is strictly serializable if and only if the graph has no cycle.
 */

import { EdgeList, Graph, KIND } from './cycle-graph.ts';
import { endsUnseen, type HistoryIndex, type KeyRecord, type Visit } from './list-append-index.ts';
import { addOrderEdges } from './list-append-order.ts';

/** The labels of ww, wr and rw edges are the numbers of keys. */
export function makeGraph(index: HistoryIndex): Graph {
  const edges = new EdgeList(index.history.length);
  for (const key of index.keys) {
    const visits = key.visits.filter(({ transaction }) => index.isCommitted[transaction] === 1);
    addWriteEdges(key, edges);
    for (const visit of visits) addReadEdges(visit, edges);
    addUnseenEdges(key, visits, edges);
  }
  addOrderEdges(index, edges);
  return new Graph(edges);
}

/** From the writer of each element to that of the next. */
function addWriteEdges(key: KeyRecord, edges: EdgeList): void {
  for (const [at, append] of key.order.entries()) {
    const before = key.order[at - 1];
    if (append !== undefined) connect(before?.visit, append.visit, KIND.ww, edges);
  }
}

/** To the reader from the writer of its last element, and from it to the writer of the next. */
function addReadEdges(visit: Visit, edges: EdgeList): void {
  const { key, prefixLength } = visit;
  if (prefixLength < 0) return;
  connect(key.order[prefixLength - 1]?.visit, visit, KIND.wr, edges);
  const next = key.order[prefixLength];
  if (next !== undefined) connect(visit, next.visit, KIND.rw, edges);
}

/**
 * Elements that no read shows came after the longest list, in an unknown order. So the last writer
 * of that list and every reader of the whole of it come before all those that appended unseen.
 */
function addUnseenEdges(key: KeyRecord, visits: readonly Visit[], edges: EdgeList): void {
  const unseen = visits.filter(endsUnseen);
  if (unseen.length === 0) return;
  const end = key.order.length;
  const last = key.order.at(-1)?.visit;
  const readers = visits.filter(({ prefixLength }) => prefixLength === end);
  const sources = [
    ...(last === undefined ? [] : [{ visit: last, kind: KIND.ww }]),
    ...readers.map((visit) => ({ visit, kind: KIND.rw })),
  ];
  const outsiders = sources.filter(({ visit }) => !endsUnseen(visit));
  if (outsiders.length > 0) {
    const to = edges.addJunction();
    const label = key.number;
    for (const { visit, kind } of outsiders) {
      edges.add({ from: visit.transaction, to, kind, label });
    }
    for (const { transaction } of unseen) {
      edges.add({ from: to, to: transaction, kind: KIND.link, label });
    }
  }
  // One that is on both sides must not come before itself. Two of these are a cycle already.
  for (const { visit, kind } of sources.filter(({ visit }) => endsUnseen(visit)).slice(0, 2)) {
    for (const writer of unseen) connect(visit, writer, kind, edges);
  }
}

function connect(from: Visit | undefined, to: Visit, kind: number, edges: EdgeList): void {
  if (from === undefined || from === to) return;
  edges.add({ from: from.transaction, to: to.transaction, kind, label: to.key.number });
}
