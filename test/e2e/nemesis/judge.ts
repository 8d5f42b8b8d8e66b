/** All verdicts on a history: of each workload, and of the returned errors. */

import type { Recorded } from './history.ts';
import { WORKLOADS } from './workloads/all.ts';

/** Codes that a correct client of a correct cluster never gets, whatever the faults. */
const NEVER: readonly string[] = [
  'no-kv-error',
  'refused',
  'invalid-argument',
  'not-a-number',
  'overflow',
  'damaged-value',
  'unsupported-value',
  'wrong-cluster',
  'bad-cursor',
  'key-twice',
  'closed',
];

export function judgeHistory(history: readonly Recorded[]): Map<string, readonly string[]> {
  const verdicts = new Map<string, readonly string[]>();
  for (const workload of WORKLOADS) verdicts.set(workload.name, workload.judge(history));
  const strange = history.filter(({ error }) => NEVER.includes(error));
  verdicts.set(
    'errors',
    strange.map(({ workload, error, text }) => `${workload} was told ${error}: ${text}`),
  );
  return verdicts;
}
