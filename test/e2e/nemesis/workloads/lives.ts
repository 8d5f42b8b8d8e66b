/**
 * Keys with a time to live, some of which a touch changes: never gone early, never back once a call
 * saw that they were gone.
 */

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

  /** Every key is set once, touched once at most, and then one worker reads it. */
  async step(worker) {
    const key = `life-${worker.value()}`;
    const life = worker.random.between(LIFE_MILLISECONDS.min, LIFE_MILLISECONDS.max);
    const put = await worker.call({ workload: NAME, input: { kind: 'put', key, life } }, () =>
      worker.kv.set(key, key, { ttl: life }),
    );
    if (put === undefined) return;
    if (worker.random.chance(0.5)) await touch(worker, key);
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
    const lives = new Map<string, Life>();
    return history
      .filter(({ workload }) => workload === NAME)
      .flatMap((each) => judge(each, lives));
  },
};

function isOf({ workload, input }: Recorded, kind: string): boolean {
  return workload === NAME && input.kind === kind;
}

/** What is known of a key. */
interface Life {
  /** In microseconds, when it may be gone at the earliest; it may never have been there. */
  endMin: number;
  isGone: boolean;
}

async function touch(worker: Worker, key: string): Promise<void> {
  const life = worker.random.between(LIFE_MILLISECONDS.min, LIFE_MILLISECONDS.max);
  await worker.pause(worker.random.between(0, LIFE_MILLISECONDS.min * 2));
  await worker.call(
    { workload: NAME, input: { kind: 'touch', key, life } },
    () => worker.kv.touch(key, life),
    (isThere) => ({ isThere }),
  );
}

async function look(worker: Worker, key: string, when = ''): Promise<boolean | undefined> {
  return await worker.call(
    { workload: NAME, input: { kind: 'look', key, when } },
    async () => (await worker.kv.get(key)) !== undefined,
    (isThere) => ({ isThere }),
  );
}

/** Calls on one key come one after the other, and the history has them in their order. */
function judge(each: Recorded, lives: Map<string, Life>): string[] {
  const { input, outcome, output, return: end } = each;
  const key = String(input.key);
  if (isOf(each, 'put')) {
    const endMin = outcome === 'ok' ? endOf(each) : Number.NEGATIVE_INFINITY;
    lives.set(key, { endMin, isGone: false });
    return [];
  }
  const life = lives.get(key);
  if (life === undefined) return [`${key} was looked at, and never put`];
  if (isOf(each, 'touch') && outcome === 'unknown')
    life.endMin = Math.min(life.endMin, endOf(each));
  if (outcome !== 'ok') return [];
  if (output.isThere === true) {
    if (life.isGone) return [`${key} came back`];
    if (isOf(each, 'touch')) life.endMin = endOf(each);
    return input.when === 'last' ? [`${key} is not gone in the end`] : [];
  }
  life.isGone = true;
  if (end >= life.endMin) return [];
  return [`${key} was gone ${(life.endMin - end) / 1000} ms before its end`];
}

function endOf({ invoke, input }: Recorded): number {
  return invoke + Number(input.life) * 1000 * (1 - DRIFT);
}
