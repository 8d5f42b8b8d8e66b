/**
 * Compares the micro-benchmarks of a run with a stored baseline: by ratios, not by times. The ratio
 * of a row is its time over that of the calibration loop of the same run, or over that of a row
 * that does the same by the bare means of the system.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { BenchRow } from './report.ts';

const FILE = fileURLToPath(new URL('../../../bench/baseline.json', import.meta.url));
/** Above it a row has regressed. */
export const REGRESSION = 1.2;

/** Of a row, by its name. */
export type Ratios = ReadonlyMap<string, number>;

export interface Baseline {
  readonly machine: string;
  readonly ratios: Ratios;
}

export interface Change {
  readonly name: string;
  readonly before: number;
  readonly now: number;
}

export interface Comparison {
  /** The worst first. */
  readonly regressed: readonly Change[];
  /** Faster by as much. */
  readonly improved: readonly Change[];
  readonly added: readonly string[];
}

/** The processor and the version of Node: ratios of another machine differ for other reasons. */
export function machineName(): string {
  return `${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node.split('.')[0]}`;
}

/** Rows that are not judged have none. */
export function ratiosOf(rows: readonly BenchRow[]): Ratios {
  const times = new Map(rows.map((row) => [row.name, row.nanosecondsPerOperation]));
  return new Map(
    rows.flatMap(({ name, nanosecondsPerOperation, yardstick }) => {
      const { type } = yardstick;
      if (type === 'none') return [];
      const unit =
        type === 'calibration' ? yardstick.nanoseconds : (times.get(yardstick.name) ?? Number.NaN);
      const ratio = nanosecondsPerOperation / unit;
      return Number.isFinite(ratio) ? [[name, ratio] as const] : [];
    }),
  );
}

export function compare(before: Ratios, now: Ratios): Comparison {
  const changes = [...now].flatMap(([name, ratio]) => {
    const stored = before.get(name);
    return stored === undefined ? [] : [{ name, before: stored, now: ratio }];
  });
  const factor = ({ before, now }: Change) => now / before;
  return {
    regressed: changes
      .filter((change) => factor(change) > REGRESSION)
      .sort((one, other) => factor(other) - factor(one)),
    improved: changes.filter((change) => factor(change) < 1 / REGRESSION),
    added: [...now.keys()].filter((name) => !before.has(name)),
  };
}

/** Row by row, of several runs: what a baseline stores. */
export function mediansOf(runs: readonly Ratios[]): Ratios {
  return chosenOf(runs, (sorted) => sorted[(sorted.length - 1) >> 1] ?? Number.NaN);
}

/**
 * The least of several runs: what is judged. Other processes, and an unlucky choice of the
 * compiler, only add time, and a real regression is in every run.
 */
export function leastOf(runs: readonly Ratios[]): Ratios {
  return chosenOf(runs, ([least = Number.NaN]) => least);
}

function chosenOf(runs: readonly Ratios[], choose: (sorted: readonly number[]) => number): Ratios {
  const names = new Set(runs.flatMap((run) => [...run.keys()]));
  return new Map(
    [...names].map((name) => {
      const ratios = runs.map((run) => run.get(name)).filter((ratio) => ratio !== undefined);
      return [name, choose(ratios.sort((one, other) => one - other))] as const;
    }),
  );
}

export function readBaseline(): Baseline | undefined {
  if (!existsSync(FILE)) return undefined;
  const { machine, ratios } = JSON.parse(readFileSync(FILE, 'utf8')) as {
    readonly machine: string;
    readonly ratios: Readonly<Record<string, number>>;
  };
  return { machine, ratios: new Map(Object.entries(ratios)) };
}

/** Rows that were not run keep their ratios if the baseline is of the same machine. */
export function acceptBaseline(before: Baseline | undefined, now: Ratios): void {
  const machine = machineName();
  const kept = before?.machine === machine ? before.ratios : new Map<string, number>();
  const rounded = [...kept, ...now].map(([name, ratio]) => [name, Number(ratio.toPrecision(4))]);
  const ratios = Object.fromEntries(rounded) as Readonly<Record<string, number>>;
  writeFileSync(FILE, `${JSON.stringify({ machine, ratios }, undefined, 1)}\n`);
}

export function toldOf({ name, before, now }: Change): string {
  const percent = Math.round((now / before - 1) * 100);
  return `${percent > 0 ? '+' : ''}${percent} %  ${name}`;
}
