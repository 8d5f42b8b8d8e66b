/** The findings of a run, as people read them. */

import type { Recorded } from './history.ts';

export interface Violation {
  readonly what: string;
  readonly text: string;
}

/** One period in which a fault was active. */
export interface Hit {
  readonly name: string;
  readonly isAlone: boolean;
  readonly hasBitten: boolean;
  /** The longest time in which a shard took no write. */
  readonly unavailableMilliseconds: number;
}

export interface Findings {
  readonly history: readonly Recorded[];
  readonly hits: readonly Hit[];
  readonly violations: readonly Violation[];
  /** By workload. */
  readonly verdicts: ReadonlyMap<string, readonly string[]>;
}

const SHOWN_MAX = 5;
const TEXT_MAX = 3000;

export function reportLines({ history, hits, violations, verdicts }: Findings): string[] {
  return [
    ...operationLines(history),
    '',
    ...faultLines(hits),
    '',
    ...[...verdicts].map(([name, faults]) => {
      return faults.length === 0 ? `${name}: sound` : `${name}: ${faults.length} VIOLATIONS`;
    }),
    ...violations
      .slice(0, SHOWN_MAX)
      .map(({ what, text }) => `${what}: ${text.slice(0, TEXT_MAX)}`),
    ...(violations.length > SHOWN_MAX ? [`and ${violations.length - SHOWN_MAX} more`] : []),
  ];
}

function operationLines(history: readonly Recorded[]): string[] {
  const names = [...new Set(history.map(({ workload }) => workload))].sort();
  const rows = names.map((name) => {
    const own = history.filter(({ workload }) => workload === name);
    const count = (outcome: string) => own.filter((each) => each.outcome === outcome).length;
    return [name, count('ok'), count('failed'), count('unknown')];
  });
  const errors = new Map<string, number>();
  for (const { error } of history) {
    if (error !== '') errors.set(error, (errors.get(error) ?? 0) + 1);
  }
  const told = [...errors].sort().map(([code, count]) => `${code} ${count}`);
  return [
    ...table([['operations', 'ok', 'failed', 'unknown'], ...rows]),
    `errors: ${told.join(', ')}`,
  ];
}

function faultLines(hits: readonly Hit[]): string[] {
  const names = [...new Set(hits.map(({ name }) => name))].sort();
  const rows = names.map((name) => {
    const own = hits.filter((hit) => hit.name === name);
    const longest = own
      .filter(({ isAlone }) => isAlone)
      .map(({ unavailableMilliseconds }) => unavailableMilliseconds);
    const unavailable = longest.length === 0 ? '-' : `${Math.round(Math.max(...longest))} ms`;
    return [name, own.length, own.filter(({ hasBitten }) => hasBitten).length, unavailable];
  });
  return table([['fault', 'drawn', 'bit', 'longest unavailability, alone'], ...rows]);
}

function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => {
    return Math.max(...rows.map((row) => String(row[column]).length));
  });
  return rows.map((row) => {
    return row
      .map((cell, at) => {
        const width = widths[at] ?? 0;
        return at === 0 ? String(cell).padEnd(width) : String(cell).padStart(width);
      })
      .join('  ');
  });
}

/**
 * Faults that were drawn and never had an effect: the run proves less than it seems to. Of two
 * concurrent faults one may leave no effect for the other.
 */
export function toothless(hits: readonly Omit<Hit, 'unavailableMilliseconds'>[]): string[] {
  const bitten = new Set(hits.filter(({ hasBitten }) => hasBitten).map(({ name }) => name));
  const alone = hits.filter(({ isAlone }) => isAlone).map(({ name }) => name);
  return [...new Set(alone)].filter((name) => !bitten.has(name));
}
