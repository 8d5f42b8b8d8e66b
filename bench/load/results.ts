/** The runs of all systems, and the table of their medians and ratios. */

import { median } from '../cluster/loop.ts';
import type { Measured } from './measurement.ts';

/** One run, as `bench/results/latest.json` has it. */
export interface Result {
  readonly system: string;
  readonly workload: string;
  readonly clients: number;
  readonly round: number;
  readonly operationsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly cpuMicrosPerOperation: number;
  readonly bytesPerOperation: number;
  readonly operationsPerAppend: number | undefined;
}

interface Run {
  readonly system: string;
  readonly workload: string;
  readonly callers: number;
  readonly round: number;
}

export function resultOf({ system, workload, callers, round }: Run, measured: Measured): Result {
  const { operations, seconds, appends } = measured;
  return {
    ...{ system, workload, clients: callers, round },
    operationsPerSecond: operations / seconds,
    ...{ p50Ms: measured.p50, p99Ms: measured.p99, p999Ms: measured.p999, maxMs: measured.max },
    cpuMicrosPerOperation: (measured.processorMilliseconds * 1000) / operations,
    bytesPerOperation: measured.bytesWritten / operations,
    operationsPerAppend: appends === undefined ? undefined : operations / appends,
  };
}

/** Of several rounds: the median, and the least and the most of them. */
export interface Range {
  readonly middle: number;
  readonly least: number;
  readonly most: number;
}

export interface Row {
  readonly workload: string;
  readonly clients: number;
  readonly system: string;
  readonly rate: Range;
  readonly p50: Range;
  readonly p99: Range;
  readonly processor: Range;
  /** Of ringkv's rate to this system's, round by round; undefined for ringkv itself. */
  readonly ratio: Range | undefined;
}

export function rowsOf(results: readonly Result[]): readonly Row[] {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const name = `${result.workload} ${result.clients} ${result.system}`;
    groups.set(name, [...(groups.get(name) ?? []), result]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { workload, clients, system } = first;
    const ratios = group.flatMap((result) => {
      const own = results.find((other) => {
        const isSame = other.workload === workload && other.clients === clients;
        return isSame && other.round === result.round && other.system === 'ringkv';
      });
      return own === undefined ? [] : [own.operationsPerSecond / result.operationsPerSecond];
    });
    return {
      ...{ workload, clients, system },
      rate: rangeOf(group.map(({ operationsPerSecond }) => operationsPerSecond)),
      p50: rangeOf(group.map(({ p50Ms }) => p50Ms)),
      p99: rangeOf(group.map(({ p99Ms }) => p99Ms)),
      processor: rangeOf(group.map(({ cpuMicrosPerOperation }) => cpuMicrosPerOperation)),
      ratio: system === 'ringkv' ? undefined : rangeOf(ratios),
    };
  });
}

function rangeOf(values: readonly number[]): Range {
  return { middle: median(values), least: Math.min(...values), most: Math.max(...values) };
}

export function tableOf(rows: readonly Row[]): string {
  const head =
    '| workload | clients | system | operations/s | p50 ms | p99 ms | µs of processor |' +
    ' ringkv / it |';
  const lines = rows.map(({ workload, clients, system, rate, p50, p99, processor, ratio }) => {
    const cells = [
      ...[workload, `${clients}`, system, told(rate, 0), told(p50, 2), told(p99, 2)],
      ...[told(processor, 0), ratio === undefined ? '' : told(ratio, 2)],
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [head, '|---|---|---|---|---|---|---|---|', ...lines].join('\n');
}

/** The median, and the range where there is one. */
function told({ middle, least, most }: Range, digits: number): string {
  const text = (value: number) => value.toFixed(digits);
  return least === most ? text(middle) : `${text(middle)} (${text(least)}-${text(most)})`;
}
