/** Pairs of keys that one atomic command writes: a reader of both finds them equal. */

import type { Recorded } from '../history.ts';
import type { Worker } from '../worker.ts';
import type { Workload } from './workload.ts';

const NAME = 'pair';
/** Those with a tag lie in one shard, the others in any shard. */
const PAIRS = [
  ['{pair}-1', '{pair}-2'],
  ['pair-left-1', 'pair-right-1'],
  ['pair-left-2', 'pair-right-2'],
] as const;

export const PAIRS_WORK: Workload = {
  name: NAME,
  weight: 8,

  async step(worker) {
    const pair = worker.random.pick([...PAIRS]);
    if (worker.random.chance(0.5)) return await look(worker, pair);
    const value = worker.value();
    const operation = { workload: NAME, input: { kind: 'write', pair, value } };
    await worker.call(operation, () => {
      const atomic = worker.kv.atomic();
      for (const key of pair) atomic.set(key, value);
      return atomic.commit();
    });
  },

  async finish(worker) {
    for (const pair of PAIRS) await look(worker, pair);
  },

  judge: (history) => history.flatMap(judgeLook),
};

async function look(worker: Worker, pair: readonly string[]): Promise<void> {
  await worker.call(
    { workload: NAME, input: { kind: 'look', pair } },
    () => worker.kv.snapshot<string>(pair),
    (entries) => ({ values: entries.map((entry) => entry?.value ?? '') }),
  );
}

function judgeLook({ workload, input, outcome, output }: Recorded): string[] {
  if (workload !== NAME || outcome !== 'ok' || input.kind !== 'look') return [];
  const [one, other] = output.values as readonly string[];
  return one === other ? [] : [`${String(input.pair)} hold ${one} and ${other}`];
}
