/** The result of a benchmark, its measurement, and its output. */

import { Bench } from 'tinybench';

export interface BenchRow {
  readonly name: string;
  /** Medians over the samples. */
  readonly nanosecondsPerOperation: number;
  readonly operationsPerSecond: number;
  /** The middle deviation from the median, as a fraction of it. */
  readonly spread: number;
}

export interface BenchTask {
  readonly name: string;
  /** Operations in one call of `work`: 100 to 1000, so that the clock is read rarely enough. */
  readonly operations: number;
  /** Returns something that depends on all its work, so that none of it can be left out. */
  readonly work: () => number;
}

/** Where results go, so that the compiler must produce them. */
let sink = 0;

export async function measure(tasks: readonly BenchTask[]): Promise<BenchRow[]> {
  const bench = new Bench({ time: 500, warmupTime: 200, throws: true });
  for (const { name, work } of tasks) {
    bench.add(name, () => {
      sink ^= work();
    });
  }
  await bench.run();
  return tasks.map(({ name, operations }) => {
    const result = bench.getTask(name)?.result;
    if (result?.state !== 'completed') throw new Error(`${name} did not complete`);
    const { p50, mad } = result.latency;
    const nanosecondsPerOperation = (p50 * 1e6) / operations;
    return {
      name,
      nanosecondsPerOperation,
      operationsPerSecond: 1e9 / nanosecondsPerOperation,
      spread: mad / p50,
    };
  });
}

/** One aligned table; also prints the sink, so that it is used. */
export function table(rows: readonly BenchRow[]): string {
  const cells = rows.map((row) => [
    row.name,
    duration(row.nanosecondsPerOperation),
    rate(row.operationsPerSecond),
    `± ${(row.spread * 100).toFixed(1)} %`,
  ]);
  const lines = [['bench', 'median', 'rate', 'spread'], ...cells];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const text = lines.map((line) =>
    line
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  '),
  );
  return [...text, `(sink ${sink})`].join('\n');
}

function duration(nanoseconds: number): string {
  if (nanoseconds < 1e3) return `${nanoseconds.toFixed(1)} ns`;
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toFixed(1)} µs`;
  return `${(nanoseconds / 1e6).toFixed(1)} ms`;
}

function rate(perSecond: number): string {
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(1)} M/s`;
  if (perSecond >= 1e3) return `${(perSecond / 1e3).toFixed(1)} k/s`;
  return `${perSecond.toFixed(1)} /s`;
}
