/** The runs of all systems, and the table of their medians and ratios. */

import { median } from '../cluster/loop.ts';
import type { Measured } from './measurement.ts';

/** What was run. */
export interface Run {
  readonly system: string;
  readonly workload: string;
  readonly clients: number;
  /** Of the capacity in the same round, in an open loop; undefined in a closed one. */
  readonly offeredPercent: number | undefined;
  readonly round: number;
  /** A random access to memory just before, which tells what other tenants of the machine do. */
  readonly memoryNanoseconds: number;
}

/** One run, as `bench/results/latest.json` has it. What a system does not tell is undefined. */
export interface Result extends Run {
  readonly operationsPerSecond: number;
  readonly failed: number;
  /** Due, and not sent before the end of the open loop. */
  readonly unsent: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number | undefined;
  readonly maxMs: number;
  /** Of all processes; the next two are its parts. */
  readonly cpuMicrosPerOperation: number;
  readonly nodesCpuMicrosPerOperation: number;
  readonly clientsCpuMicrosPerOperation: number;
  readonly bytesPerOperation: number;
  readonly syncsPerOperation: number | undefined;
  readonly operationsPerAppend: number | undefined;
  /** Writes to sockets, by the nodes; each carries the frames of one turn. */
  readonly operationsPerSocketWrite: number | undefined;
  readonly loopDelayP99Ms: number | undefined;
  readonly loopDelayMaxMs: number | undefined;
  /** Of the time of a node. */
  readonly collectorPercent: number | undefined;
  readonly largestNodeMiB: number;
}

export function resultOf(run: Run, measured: Measured): Result {
  const { operations, seconds, appends, syncs, inner } = measured;
  const each = (total: number) => total / Math.max(operations, 1);
  const { nodesMilliseconds: nodes, clientsMilliseconds: clients } = measured;
  return {
    ...run,
    operationsPerSecond: operations / seconds,
    ...{ failed: measured.failed, unsent: measured.unsent },
    ...{ p50Ms: measured.p50, p99Ms: measured.p99, p999Ms: measured.p999, maxMs: measured.max },
    cpuMicrosPerOperation: each((nodes + clients) * 1000),
    nodesCpuMicrosPerOperation: each(nodes * 1000),
    clientsCpuMicrosPerOperation: each(clients * 1000),
    bytesPerOperation: each(measured.bytesWritten),
    syncsPerOperation: syncs === undefined ? undefined : each(syncs),
    operationsPerAppend: ratio(operations, appends),
    operationsPerSocketWrite: ratio(operations, inner?.socketWrites),
    loopDelayP99Ms: inner?.loopDelayP99Ms,
    loopDelayMaxMs: inner?.loopDelayMaxMs,
    collectorPercent:
      inner === undefined ? undefined : (inner.collectorMilliseconds / inner.milliseconds) * 100,
    largestNodeMiB: measured.memoryBytes / 2 ** 20,
  };
}

/** Undefined where there is nothing to divide by. */
function ratio(operations: number, count: number | undefined): number | undefined {
  return count === undefined || count === 0 ? undefined : operations / count;
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
  readonly offeredPercent: number | undefined;
  readonly system: string;
  readonly rate: Range;
  readonly p50: Range;
  readonly p99: Range;
  readonly p999: Range | undefined;
  readonly max: Range;
  readonly processor: Range;
  readonly bytes: Range;
  readonly syncs: Range | undefined;
  readonly perAppend: Range | undefined;
  readonly perSocketWrite: Range | undefined;
  readonly loopDelay: Range | undefined;
  readonly collector: Range | undefined;
  readonly memory: Range;
  /** Of ringkv's rate to this system's, round by round; undefined for ringkv itself. */
  readonly ratio: Range | undefined;
}

export function rowsOf(results: readonly Result[]): readonly Row[] {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const name = `${caseOf(result)} ${result.system}`;
    groups.set(name, [...(groups.get(name) ?? []), result]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { workload, clients, offeredPercent, system } = first;
    const range = (of: (result: Result) => number) => rangeOf(group.map(of)) as Range;
    const told = (of: (result: Result) => number | undefined) =>
      rangeOf(group.map(of).filter((value) => value !== undefined));
    return {
      ...{ workload, clients, offeredPercent, system },
      rate: range(({ operationsPerSecond }) => operationsPerSecond),
      p50: range(({ p50Ms }) => p50Ms),
      p99: range(({ p99Ms }) => p99Ms),
      p999: told(({ p999Ms }) => p999Ms),
      max: range(({ maxMs }) => maxMs),
      processor: range(({ cpuMicrosPerOperation }) => cpuMicrosPerOperation),
      bytes: range(({ bytesPerOperation }) => bytesPerOperation),
      syncs: told(({ syncsPerOperation }) => syncsPerOperation),
      perAppend: told(({ operationsPerAppend }) => operationsPerAppend),
      perSocketWrite: told(({ operationsPerSocketWrite }) => operationsPerSocketWrite),
      loopDelay: told(({ loopDelayP99Ms }) => loopDelayP99Ms),
      collector: told(({ collectorPercent }) => collectorPercent),
      memory: range(({ largestNodeMiB }) => largestNodeMiB),
      ratio: system === 'ringkv' ? undefined : rangeOf(ratiosTo(group, results)),
    };
  });
}

/** ringkv's rate in the same round over that of each of these. */
function ratiosTo(group: readonly Result[], results: readonly Result[]): readonly number[] {
  return group.flatMap((result) => {
    const own = results.find((other) => {
      const isSame = caseOf(other) === caseOf(result) && other.round === result.round;
      return isSame && other.system === 'ringkv';
    });
    return own === undefined ? [] : [own.operationsPerSecond / result.operationsPerSecond];
  });
}

/** What all systems are compared in. */
function caseOf({ workload, clients, offeredPercent }: Omit<Run, 'system' | 'round'>): string {
  return `${workload} ${clients} ${offeredPercent}`;
}

function rangeOf(values: readonly number[]): Range | undefined {
  if (values.length === 0) return undefined;
  return { middle: median(values), least: Math.min(...values), most: Math.max(...values) };
}

type Column = readonly [head: string, of: (row: Row) => string];

const CASE: readonly Column[] = [
  ['workload', ({ workload }) => workload],
  [
    'clients',
    ({ clients, offeredPercent: percent }) =>
      percent === undefined ? `${clients}` : `open, ${percent} %`,
  ],
  ['system', ({ system }) => system],
];

/** What the callers see. */
export function tableOf(rows: readonly Row[]): string {
  return markdown(rows, [
    ...CASE,
    ['operations/s', ({ rate }) => told(rate, 0)],
    ['p50 ms', ({ p50 }) => told(p50, 2)],
    ['p99 ms', ({ p99 }) => told(p99, 2)],
    ['p99.9 ms', ({ p999 }) => told(p999, 2)],
    ['max ms', ({ max }) => told(max, 0)],
    ['µs of processor', ({ processor }) => told(processor, 0)],
    ['ringkv / it', ({ ratio }) => told(ratio, 2)],
  ]);
}

/** What it costs: medians. */
export function costTableOf(rows: readonly Row[]): string {
  const middle = (range: Range | undefined, digits: number) => range?.middle.toFixed(digits) ?? '';
  return markdown(rows, [
    ...CASE,
    ['bytes to disk', ({ bytes }) => middle(bytes, 0)],
    ['syncs', ({ syncs }) => middle(syncs, 3)],
    ['operations an append', ({ perAppend }) => middle(perAppend, 1)],
    ['operations a socket write', ({ perSocketWrite }) => middle(perSocketWrite, 2)],
    ['loop delay p99 ms', ({ loopDelay }) => middle(loopDelay, 1)],
    ['collector %', ({ collector }) => middle(collector, 1)],
    ['largest node MiB', ({ memory }) => middle(memory, 0)],
  ]);
}

function markdown(rows: readonly Row[], columns: readonly Column[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map(([head]) => head)),
    `|${'---|'.repeat(columns.length)}`,
    ...rows.map((row) => line(columns.map(([, of]) => of(row)))),
  ].join('\n');
}

/** The median, and the range where there is one. */
function told(range: Range | undefined, digits: number): string {
  if (range === undefined) return '';
  const { middle, least, most } = range;
  const text = (value: number) => value.toFixed(digits);
  return least === most ? text(middle) : `${text(middle)} (${text(least)}-${text(most)})`;
}
