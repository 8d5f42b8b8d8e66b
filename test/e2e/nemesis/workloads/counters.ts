/** Counters with many writers: each addition counts once, and no two return the same sum. */

import type { Recorded } from '../history.ts';
import type { Worker } from '../worker.ts';
import { distinct, type Workload } from './workload.ts';

const NAME = 'counter';
const KEYS = ['counter-1', 'counter-2', 'counter-3'];

export const COUNTERS: Workload = {
  name: NAME,
  weight: 10,

  async step(worker) {
    const key = worker.random.pick(KEYS);
    if (worker.random.chance(0.2)) return await read(worker, key);
    const operation = { workload: NAME, input: { key, kind: 'add' } };
    await worker.call(
      operation,
      () => worker.kv.add(key),
      (sum) => ({ sum: Number(sum) }),
    );
  },

  async finish(worker) {
    for (const key of KEYS) await read(worker, key);
  },

  judge: (history) => KEYS.flatMap((key) => judgeKey(key, history)),
};

async function read(worker: Worker, key: string): Promise<void> {
  await worker.call(
    { workload: NAME, input: { key, kind: 'read' } },
    () => worker.kv.get<number>(key),
    (entry) => ({ sum: Number(entry?.value ?? 0) }),
  );
}

function judgeKey(key: string, history: readonly Recorded[]): string[] {
  const own = history.filter(({ workload, input }) => workload === NAME && input.key === key);
  const additions = own.filter(({ input }) => input.kind === 'add');
  const done = additions.filter(({ outcome }) => outcome === 'ok');
  const doubtful = additions.filter(({ outcome }) => outcome === 'unknown');
  const faults: string[] = [];
  const sums = done.map(({ output }) => Number(output.sum));
  if (distinct(sums).length !== sums.length) faults.push(`${key}: two additions were told one sum`);
  for (const { input, invoke, return: end, outcome, output } of own) {
    if (input.kind !== 'read' || outcome !== 'ok') continue;
    const least = done.filter((addition) => addition.return < invoke).length;
    const most =
      done.filter((addition) => addition.invoke <= end).length +
      doubtful.filter((addition) => addition.invoke <= end).length;
    const sum = Number(output.sum);
    if (sum < least || sum > most) faults.push(`${key} is ${sum}, not ${least} to ${most}`);
  }
  return faults;
}
