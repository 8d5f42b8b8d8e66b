/** Callers that send the next request as soon as they are answered, and their latencies. */

export interface Loop {
  readonly callers: number;
  readonly seconds: number;
  readonly work: (caller: number) => Promise<unknown>;
}

export interface Times {
  /** Milliseconds of each call, in ascending order. */
  readonly times: readonly number[];
  readonly seconds: number;
}

export async function run({ callers, seconds, work }: Loop): Promise<Times> {
  const times: number[] = [];
  const began = performance.now();
  const until = began + seconds * 1000;
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      while (performance.now() < until) {
        const at = performance.now();
        await work(caller);
        times.push(performance.now() - at);
      }
    }),
  );
  times.sort((one, other) => one - other);
  return { times, seconds: (performance.now() - began) / 1000 };
}

export function rateOf({ times, seconds }: Times): number {
  return times.length / seconds;
}

/** The latency in milliseconds at this quantile. */
export function quantile({ times }: Times, share: number): number {
  return times[Math.floor(times.length * share)] ?? 0;
}

export function tell(name: string, measured: Times): void {
  const at = (share: number) => quantile(measured, share).toFixed(2);
  const rate = Math.round(rateOf(measured));
  console.log(`${name.padEnd(34)} ${rate}/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[sorted.length >> 1] ?? 0;
}
