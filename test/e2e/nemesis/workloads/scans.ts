/** Scans and counts: in order, no key twice, and none missing that was there throughout. */

import type { Recorded } from '../history.ts';
import type { Worker } from '../worker.ts';
import type { Workload } from './workload.ts';

const NAME = 'scan';
const PREFIX = 'scanned-';
const KEYS = 40;

export const SCANS: Workload = {
  name: NAME,
  weight: 6,

  async step(worker) {
    const dice = worker.random.fraction();
    if (dice < 0.4) await put(worker);
    else if (dice < 0.5) await count(worker);
    else await scan(worker, worker.random.chance(0.4));
  },

  async finish(worker) {
    await scan(worker, false);
    await scan(worker, true);
    await count(worker);
  },

  judge(history) {
    const own = history.filter(({ workload }) => workload === NAME);
    const puts = own.filter(({ input }) => input.kind === 'put');
    const looks = own.filter(({ input, outcome }) => input.kind !== 'put' && outcome === 'ok');
    return looks.flatMap((look) => judgeLook(look, puts));
  },
};

/** Every third key comes and goes; the others stay. */
async function put(worker: Worker): Promise<void> {
  const number = worker.random.below(KEYS);
  const key = `${PREFIX}${String(number).padStart(3, '0')}`;
  const isFlickering = number % 3 === 0;
  const isDeleted = isFlickering && worker.random.chance(0.5);
  const input = { kind: 'put', key, isFlickering, isDeleted };
  await worker.call({ workload: NAME, input }, async () => {
    if (isDeleted) await worker.kv.delete(key);
    else await worker.kv.set(key, worker.value());
  });
}

async function count(worker: Worker): Promise<void> {
  await worker.call(
    { workload: NAME, input: { kind: 'count' } },
    () => worker.kv.count({ prefix: PREFIX }),
    (number) => ({ number }),
  );
}

async function scan(worker: Worker, isReverse: boolean): Promise<void> {
  await worker.call(
    { workload: NAME, input: { kind: 'scan', isReverse } },
    async () => {
      const keys: string[] = [];
      const options = { prefix: PREFIX, reverse: isReverse, keysOnly: true };
      for await (const { key } of worker.kv.scan(options)) keys.push(String(key));
      return keys;
    },
    (keys) => ({ keys }),
  );
}

function judgeLook(look: Recorded, puts: readonly Recorded[]): string[] {
  const { input, output, invoke, return: end } = look;
  const steady = puts.filter(({ input: { isFlickering }, outcome, return: done }) => {
    return isFlickering !== true && outcome === 'ok' && done < invoke;
  });
  const must = new Set(steady.map(({ input: { key } }) => String(key)));
  const begun = puts.filter((put) => put.invoke <= end && put.outcome !== 'failed');
  const may = new Set(begun.map(({ input: { key } }) => String(key)));
  if (input.kind === 'count') {
    const number = Number(output.number);
    const isRight = number >= must.size && number <= may.size;
    return isRight ? [] : [`${number} keys are counted, not ${must.size} to ${may.size}`];
  }
  const keys = output.keys as readonly string[];
  const faults: string[] = [];
  for (const [at, key] of keys.entries()) {
    const before = keys[at - 1];
    const isWrong = before !== undefined && (input.isReverse ? before <= key : before >= key);
    if (isWrong) faults.push(`${key} comes after ${before}, reverse ${input.isReverse}`);
    if (!may.has(key)) faults.push(`${key} was scanned and never put`);
  }
  const found = new Set(keys);
  for (const key of must) if (!found.has(key)) faults.push(`${key} is missing in a scan`);
  return faults;
}
