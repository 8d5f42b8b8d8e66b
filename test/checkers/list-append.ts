/**
 * Decides whether a history of transactions on lists is strictly serializable: Elle (Alvaro,
 * Kingsbury 2020). A list shows who appended in which order, so each read shows who came before and
 * who came after, and a cycle among them is an anomaly. The verdict is exact.
 */

import { type CycleName, findCycle } from './cycle-search.ts';
import { makeGraph } from './list-append-edges.ts';
import { explainCycle } from './list-append-explanation.ts';
import type { LocalName } from './list-append-findings.ts';
import type { Transaction } from './list-append-history.ts';
import { indexHistory } from './list-append-index.ts';
import { findLocalAnomalies } from './list-append-local.ts';
import { orderVersions } from './list-append-versions.ts';

export type AnomalyName = LocalName | CycleName;

export type Verdict =
  | {
      readonly type: 'sound';
      /** How many transactions took effect, as far as is known. */
      readonly committedCount: number;
    }
  | {
      readonly type: 'anomaly';
      /** The most basic one. */
      readonly name: AnomalyName;
      /** All that a single list or transaction proves, or the one cycle. */
      readonly names: readonly AnomalyName[];
      /** Lines of text. T0 is the first transaction of the history. */
      readonly explanation: string;
      /** The places in the history of the transactions that form the cycle, if it is one. */
      readonly cycle: readonly number[];
    };

export function checkListAppend(history: readonly Transaction[]): Verdict {
  const index = indexHistory(history);
  orderVersions(index);
  const findings = findLocalAnomalies(index);
  const names = findings.names();
  const name = names[0];
  if (name !== undefined) {
    return { type: 'anomaly', name, names, explanation: findings.explain(), cycle: [] };
  }
  const found = findCycle(makeGraph(index));
  if (found === undefined) {
    return { type: 'sound', committedCount: index.isCommitted.reduce((sum, one) => sum + one, 0) };
  }
  return {
    type: 'anomaly',
    name: found.name,
    names: [found.name],
    explanation: explainCycle(found, index),
    cycle: found.edges.map(({ from }) => from),
  };
}
