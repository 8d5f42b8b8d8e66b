/** Keys with a time to live: never gone early, never back once a read saw that they were gone. */

import type { Recorded } from '../history.ts';
import type { Worker } from '../worker.ts';
import type { Workload } from './workload.ts';

const NAME = 'life';
const LIFE_MILLISECONDS = { min: 200, max: 3000 } as const;
const LOOK_MILLISECONDS = 150;
const LOOKS_AFTER = 3;
/** How much faster a monotone clock may run than this one, in parts of a thousand. */
const DRIFT = 0.002;
/** How late a key may expire once everything is healed. */
const LATENESS_MILLISECONDS = 10_000;

export const LIVES: Workload = {
  name: NAME,
  weight: 6,

  /** Every key is set once, and one worker reads it. */
  async step(worker) {
    const key = `life-${worker.value()}`;
    const life = worker.random.between(LIFE_MILLISECONDS.min, LIFE_MILLISECONDS.max);
    const put = await worker.call({ workload: NAME, input: { kind: 'put', key, life } }, () =>
      worker.kv.set(key, key, { ttl: life }),
    );
    if (put === undefined) return;
    let looksLeft = LOOKS_AFTER;
    while (looksLeft > 0 && !worker.isOver) {
      const isThere = await look(worker, key);
      if (isThere === false) looksLeft -= 1;
      await worker.pause(LOOK_MILLISECONDS);
    }
  },

  async finish(worker, history) {
    await worker.pause(LIFE_MILLISECONDS.max + LATENESS_MILLISECONDS);
    const puts = history.filter((each) => isOf(each, 'put') && each.outcome !== 'failed');
    for (const { input } of puts.slice(-100)) await look(worker, String(input.key), 'last');
  },

  judge(history) {
    const puts = new Map<string, Recorded>();
    for (const each of history) if (isOf(each, 'put')) puts.set(String(each.input.key), each);
    const goneAt = new Map<string, number>();
    return history
      .filter((each) => isOf(each, 'look') && each.outcome === 'ok')
      .flatMap((seen) => judgeLook(seen, puts, goneAt));
  },
};

function isOf({ workload, input }: Recorded, kind: string): boolean {
  return workload === NAME && input.kind === kind;
}

async function look(worker: Worker, key: string, when = ''): Promise<boolean | undefined> {
  return await worker.call(
    { workload: NAME, input: { kind: 'look', key, when } },
    async () => (await worker.kv.get(key)) !== undefined,
    (isThere) => ({ isThere }),
  );
}

/** Reads of one key come one after the other. */
function judgeLook(
  { input, output, return: end }: Recorded,
  puts: ReadonlyMap<string, Recorded>,
  goneAt: Map<string, number>,
): string[] {
  const key = String(input.key);
  const put = puts.get(key);
  if (put === undefined) return [`${key} was looked at, and never put`];
  if (output.isThere === true) {
    if (goneAt.has(key)) return [`${key} came back`];
    return input.when === 'last' ? [`${key} is not gone in the end`] : [];
  }
  goneAt.set(key, end);
  if (put.outcome !== 'ok') return [];
  const lifeMicroseconds = Number(put.input.life) * 1000 * (1 - DRIFT);
  const age = end - put.invoke;
  if (age >= lifeMicroseconds) return [];
  return [`${key} was gone after ${age / 1000} of ${put.input.life} ms`];
}
