/** An independent judge of whether a change could do without a move between the other nodes. */

import type { NodeId } from '../../src/base/ids.ts';

type Arcs = readonly (readonly NodeId[])[];

export interface Question {
  readonly before: Arcs;
  /** The one node that joined, left, or changed its weight. */
  readonly changed: NodeId;
  readonly change: 'gaining' | 'losing';
  readonly capacities: ReadonlyMap<NodeId, number>;
  /** Whether these nodes, and no others, may hold one arc. */
  readonly isLegal: (holders: readonly NodeId[]) => boolean;
}

/** Whether moves onto the gaining node, or off the losing one, are enough to keep every bound. */
export function isEnough(question: Question): boolean {
  return question.change === 'losing' ? losingIsEnough(question) : gainingIsEnough(question);
}

/** Each arc of the losing node stays or goes to one other: a matching of arcs to room on nodes. */
function losingIsEnough({ before, changed, capacities, isLegal }: Question): boolean {
  const loads = loadsOf(before);
  const rooms = new Map<NodeId, number>();
  for (const [node, capacity] of capacities) {
    rooms.set(node, node === changed ? capacity : capacity - (loads.get(node) ?? 0));
  }
  const choices = before
    .filter((holders) => holders.includes(changed))
    .map((holders) => {
      const others = holders.filter((node) => node !== changed);
      return [...capacities.keys()].filter(
        (node) => !others.includes(node) && isLegal([...others, node]),
      );
    });
  return [...rooms.values()].every((room) => room >= 0) && match(choices, rooms) === choices.length;
}

/** Each arc may hand one replica to the gaining node: a matching of arcs to what is too much. */
function gainingIsEnough({ before, changed, capacities, isLegal }: Question): boolean {
  const loads = loadsOf(before);
  const excess = new Map<NodeId, number>();
  for (const [node, capacity] of capacities) {
    if (node !== changed) excess.set(node, Math.max(0, (loads.get(node) ?? 0) - capacity));
  }
  const without = before.filter((holders) => !holders.includes(changed));
  const choicesOf = (holders: readonly NodeId[]) =>
    holders.filter((node) => isLegal([...holders.filter((other) => other !== node), changed]));
  // Where the zones no longer allow what was, one must go, wanted or not; these count first.
  const mustChange = without.filter((holders) => !isLegal(holders));
  const mayChange = without.filter((holders) => isLegal(holders));
  const wanted = [...excess.values()].reduce((total, count) => total + count, 0);
  const relieved = match(mustChange.map(choicesOf), excess);
  const all = match([...mustChange, ...mayChange].map(choicesOf), excess);
  const taken = (loads.get(changed) ?? 0) + mustChange.length + wanted - relieved;
  return all === wanted && taken <= (capacities.get(changed) ?? 0);
}

function loadsOf(arcs: Arcs): Map<NodeId, number> {
  const loads = new Map<NodeId, number>();
  for (const node of arcs.flat()) loads.set(node, (loads.get(node) ?? 0) + 1);
  return loads;
}

/** The size of a largest matching: each row to one of its choices, each choice up to its room. */
function match(rows: readonly (readonly NodeId[])[], rooms: ReadonlyMap<NodeId, number>): number {
  const taken = new Map<NodeId, number[]>();
  const tryRow = (row: number, seen: Set<NodeId>): boolean => {
    for (const choice of rows[row] ?? []) {
      if (seen.has(choice)) continue;
      seen.add(choice);
      const rowsHere = taken.get(choice) ?? [];
      taken.set(choice, rowsHere);
      if (rowsHere.length < (rooms.get(choice) ?? 0)) {
        rowsHere.push(row);
        return true;
      }
      for (const [at, other] of rowsHere.entries()) {
        if (!tryRow(other, seen)) continue;
        rowsHere[at] = row;
        return true;
      }
    }
    return false;
  };
  return rows.reduce((size, _, row) => size + (tryRow(row, new Set()) ? 1 : 0), 0);
}
