/**
 * Decides whether a history is possible for objects that do one operation at a time, each at
 * some instant between its call and its return.
 */

import type { Model, Operation } from './model.ts';
import { type DeadEnd, type Finding, Search } from './search.ts';

/** Beyond this many steps for one key the verdict is unknown. */
const NODES_MAX = 1_000_000;
const SHOWN_MAX = 12;

export interface Report {
  /** Of all keys together. A violation outweighs an unknown, which outweighs the rest. */
  readonly verdict: Finding;
  /** The first key that has this verdict, unless all is well. */
  readonly key: string | undefined;
  /** The longest legal prefix of that key's history, and what could not follow it. */
  readonly lines: readonly string[];
  /** Steps of the search, over all keys. */
  readonly nodes: number;
}

export interface CheckOptions {
  readonly nodesMax?: number;
}

export function checkLinearizability<State, Input, Output>(
  history: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  { nodesMax = NODES_MAX }: CheckOptions = {},
): Report {
  let undecided: Report | undefined;
  let nodes = 0;
  for (const [key, operations] of byKey(history)) {
    const report = checkKey(key, operations, model, nodesMax);
    nodes += report.nodes;
    if (report.verdict === 'violation') return { ...report, nodes };
    if (report.verdict === 'unknown') undecided ??= report;
  }
  if (undecided !== undefined) return { ...undecided, nodes };
  return { verdict: 'linearizable', key: undefined, lines: [], nodes };
}

function byKey<Input, Output>(
  history: readonly Operation<Input, Output>[],
): Map<string, Operation<Input, Output>[]> {
  const parts = new Map<string, Operation<Input, Output>[]>();
  for (const operation of history) {
    const part = parts.get(operation.key);
    if (part === undefined) parts.set(operation.key, [operation]);
    else part.push(operation);
  }
  return parts;
}

function checkKey<State, Input, Output>(
  key: string,
  history: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  nodesMax: number,
): Report {
  const prepared = model.prepare(history);
  const { placements, breaches } = prepared;
  if (breaches.length > 0) {
    const lines = breaches.slice(0, SHOWN_MAX).map((breach) => `key ${key}: ${breach}`);
    return { verdict: 'violation', key, lines, nodes: 0 };
  }
  const search = new Search(model, prepared);
  const verdict = search.run(nodesMax);
  const { nodes } = search;
  if (verdict === 'linearizable') return { verdict, key: undefined, lines: [], nodes };
  const headline =
    verdict === 'violation'
      ? `key ${key}: no order explains its ${placements.length} operations`
      : `key ${key}: undecided after ${nodesMax} steps over ${placements.length} operations`;
  return { verdict, key, lines: [headline, ...explain(model, search.deadEnd())], nodes };
}

function explain<State, Input, Output>(
  model: Model<State, Input, Output>,
  { placedCount, lastPlaced, state, candidates, needers }: DeadEnd<State, Input, Output>,
): string[] {
  const lineOf = (operation: Operation<Input, Output>) => {
    const { client, invoke, input, output, return: end, outcome } = operation;
    const interval = `[${invoke}, ${outcome === 'ok' ? end : '?'}]`;
    return `  client ${client} ${interval} ${model.describe(input, output)}`;
  };
  const hiddenCount = candidates.length - SHOWN_MAX;
  return [
    `the longest legal start has ${placedCount}, the last of them:`,
    ...lastPlaced.map(lineOf),
    `the state is then ${model.describeState(state)}, and none of these leads on:`,
    ...candidates.slice(0, SHOWN_MAX).map(lineOf),
    ...(hiddenCount > 0 ? [`  and ${hiddenCount} more`] : []),
    ...(needers.length > 0 ? ['that state comes only once, and these still need it:'] : []),
    ...needers.slice(0, SHOWN_MAX).map(lineOf),
  ];
}
