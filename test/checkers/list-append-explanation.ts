/** Explains each edge of a cycle by the two operations that prove it. */

import { present } from '../../src/base/assert.ts';
import { type Edge, KIND } from './cycle-graph.ts';
import type { Cycle } from './cycle-search.ts';
import { describeList } from './list-append-history.ts';
import type { Append, HistoryIndex, Visit } from './list-append-index.ts';

export function explainCycle({ name, edges }: Cycle, index: HistoryIndex): string {
  const lines = edges.map((edge) => {
    const { from, to } = edge;
    return `  T${from} -${nameOf(edge)}-> T${to}: ${explainEdge(edge, index)}`;
  });
  return [`${name}: each of ${edges.length} transactions comes before the next`, ...lines].join(
    '\n',
  );
}

function nameOf({ kind }: Edge): string {
  return Object.entries(KIND).find(([, bit]) => bit === kind)?.[0] ?? 'link';
}

function explainEdge(edge: Edge, index: HistoryIndex): string {
  const { from, to, kind } = edge;
  const one = index.history[from];
  const other = index.history[to];
  switch (kind) {
    case KIND.ww:
      return explainWrites(visitOf(from, edge, index), visitOf(to, edge, index));
    case KIND.wr:
      return explainSight(visitOf(to, edge, index));
    case KIND.rw:
      return explainMiss(visitOf(from, edge, index), visitOf(to, edge, index));
    case KIND.process:
      return `process ${one?.process} completed T${from} and then began T${to}`;
    default:
      return `T${from} completed at ${one?.completedAt}, T${to} began at ${other?.invokedAt}`;
  }
}

function visitOf(transaction: number, { label }: Edge, { visitsOf }: HistoryIndex): Visit {
  const visit = visitsOf[transaction]?.find(({ key }) => key.number === label);
  return present(visit, 'a transaction visited the keys of its edges');
}

function explainWrites(one: Visit, other: Visit): string {
  const { order } = one.key;
  const seen = one.appends.find(({ position }) => order[position + 1]?.visit === other);
  if (seen !== undefined) {
    const next = present(order[seen.position + 1], 'the other follows');
    return `${describeAppend(seen)}, ${describeAppend(next)} behind it`;
  }
  const last = present(order.at(-1), 'a writer of what was read comes before what was not');
  return `${describeAppend(last)} as the last that is read, ${describeUnseen(other)}`;
}

function explainSight(reader: Visit): string {
  const append = present(reader.key.order[reader.prefixLength - 1], 'the reader saw an element');
  return `${describeAppend(append)}, ${describeRead(reader)}`;
}

function explainMiss(reader: Visit, writer: Visit): string {
  const { order } = reader.key;
  const next = order[reader.prefixLength];
  if (next?.visit !== writer) return `${describeRead(reader)}, ${describeUnseen(writer)}`;
  const last = order[reader.prefixLength - 1];
  const place = last === undefined ? 'first' : `behind ${last.element}`;
  return `${describeRead(reader)}, ${describeAppend(next)} ${place}`;
}

function describeAppend({ visit, element }: Append): string {
  return `T${visit.transaction} appended ${element} to ${visit.key.name}`;
}

function describeUnseen({ appends }: Visit): string {
  const append = present(
    appends.find(({ position }) => position < 0),
    'the append was not seen',
  );
  return `${describeAppend(append)}, which no read shows`;
}

/** What a transaction saw of others comes first, then what it appended itself. */
function describeRead({ transaction, key, list = [], prefixLength }: Visit): string {
  const own = list.slice(prefixLength);
  const behind = own.length === 0 ? '' : ` before its own ${describeList(own)}`;
  const seen = describeList(list.slice(0, prefixLength));
  return `T${transaction} read ${key.name} as ${seen}${behind}`;
}
