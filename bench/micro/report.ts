/** The result of a benchmark, its measurement, and its output. */

import { Bench } from 'tinybench';
import { calibrate } from './calibration.ts';

/** What the time of a row is divided by before it is compared with that of another day. */
export type Yardstick =
  /** How long the calibration loop took at about the same time. */
  | { readonly type: 'calibration'; readonly nanoseconds: number }
  /** Another row of the run, which does the same by the bare means of the system. */
  | { readonly type: 'row'; readonly name: string }
  /** The row waits for disks or other threads, or is a yardstick itself: it is not compared. */
  | { readonly type: 'none' };

export interface BenchRow {
  readonly name: string;
  /** Medians over the samples. */
  readonly nanosecondsPerOperation: number;
  readonly operationsPerSecond: number;
  /** The middle deviation from the median, as a fraction of it. */
  readonly spread: number;
  readonly yardstick: Yardstick;
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

/** The process that runs a benchmark sends it to its parent, so that it is used. */
export function takeSink(): number {
  return sink;
}

/** One after the other, with the calibration loop before and after each. */
export async function measure(tasks: readonly BenchTask[]): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const task of tasks) rows.push(await measureOne(task));
  return rows;
}

async function measureOne({ name, operations, work }: BenchTask): Promise<BenchRow> {
  const bench = new Bench({ time: 500, warmupTime: 200, throws: true });
  bench.add(name, () => {
    sink ^= work();
  });
  const before = calibrate();
  await bench.run();
  const after = calibrate();
  const result = bench.getTask(name)?.result;
  if (result?.state !== 'completed') throw new Error(`${name} did not complete`);
  const { p50, mad } = result.latency;
  const nanosecondsPerOperation = (p50 * 1e6) / operations;
  return {
    name,
    nanosecondsPerOperation,
    operationsPerSecond: 1e9 / nanosecondsPerOperation,
    spread: mad / p50,
    yardstick: { type: 'calibration', nanoseconds: (before + after) / 2 },
  };
}

/** One aligned table. */
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
  return text.join('\n');
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
