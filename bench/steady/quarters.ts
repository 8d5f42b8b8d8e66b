/** Compares the last quarter of a long run with the first one. */

import { Latencies } from '../load/latencies.ts';

/** Some seconds of the run. */
export interface Window {
  /** Since the beginning of the run, when the window ended. */
  readonly seconds: number;
  readonly operations: number;
  /** How long it was. */
  readonly duration: number;
  readonly p999Ms: number;
  /** An encoded histogram. */
  readonly latencies: string;
  /** Of the largest node. */
  readonly memoryBytes: number;
}

export interface Comparison {
  readonly name: string;
  readonly first: number;
  readonly last: number;
  /** How much worse the last quarter is than the first, as a fraction: below 0 it is better. */
  readonly worse: number;
}

/** Of throughput, p99 and memory. */
export const WORSE_MAX = 0.1;
/** A window whose p99.9 is above it is a cliff. */
export const CLIFF_MILLISECONDS = 100;

export function compareQuarters(windows: readonly Window[]): readonly Comparison[] {
  const length = Math.max(1, Math.floor(windows.length / 4));
  const [first, last] = [windows.slice(0, length), windows.slice(-length)];
  const measures = [
    { name: 'operations/s', of: rateOf, isBetterHigher: true },
    { name: 'p99 ms', of: p99Of, isBetterHigher: false },
    { name: 'MiB of the largest node', of: memoryOf, isBetterHigher: false },
  ];
  return measures.map(({ name, of, isBetterHigher }) => {
    const [before, after] = [of(first), of(last)];
    const growth = after / before - 1;
    return { name, first: before, last: after, worse: isBetterHigher ? -growth : growth };
  });
}

export function cliffsOf(windows: readonly Window[]): readonly Window[] {
  return windows.filter(({ p999Ms }) => p999Ms > CLIFF_MILLISECONDS);
}

function rateOf(windows: readonly Window[]): number {
  const sum = (of: (window: Window) => number) =>
    windows.reduce((total, window) => total + of(window), 0);
  return sum(({ operations }) => operations) / sum(({ duration }) => duration);
}

/** Of all operations of these windows together. */
function p99Of(windows: readonly Window[]): number {
  const all = new Latencies();
  for (const { latencies } of windows) all.add(latencies);
  return all.quantiles.p99;
}

function memoryOf(windows: readonly Window[]): number {
  return Math.max(...windows.map(({ memoryBytes }) => memoryBytes)) / 2 ** 20;
}
