/** The figures of many runs as one aligned table, and the probes that were never hit. */

import { FACTS } from '../../src/raft/fact.ts';
import { BUGGIFY_SITES } from './buggify.ts';
import { Probes } from './probes.ts';
import { FAULT_KINDS } from './profiles.ts';
import { ROT_STYLES } from './rot.ts';
import type { SimResult } from './run.ts';

/** Every probe that must be hit now and then. */
const ALL_PROBES: readonly string[] = [
  ...FACTS,
  ...BUGGIFY_SITES.map((site) => `buggify ${site}`),
  ...FAULT_KINDS.map((kind) => `fault ${kind}`),
  'fault crash-effect bit',
  'fault damage bit',
  'fault vote-loss bit',
  'fault wipe bit',
  'fault membership goal',
  'fault change at two leaders',
  'fault row-damage bit',
  'fault lie bit',
  'fault wrong-folder foreign',
  'fault wrong-folder empty',
  ...ROT_STYLES.map((style) => `rot ${style}`),
  'disk power loss',
  'disk process death',
  'disk death while booting',
  'storage compared while open',
  'storage creation waits',
  'storage fault ended the process',
  'storage lie unseen',
  'storage log restarted at the state',
  'storage quarantine',
  'storage read-only',
  'storage read-only refused a write',
  'storage refused: damaged',
  'storage refused: failing',
  'storage refused: full',
  'storage row damaged',
  'storage scrub found damage',
  'storage state lost',
  'host message to a stranger',
  'host message to the dead',
  'host replica destroyed',
  'host started without a vote',
  'network cut',
  'network lost',
  'network clogged',
  'network duplicate',
  'network late duplicate',
  'network frame of a broken connection',
  'convergence all quiet',
  'heal core',
  'heal dead',
  'heal mute',
  'heal deaf',
];

export interface Tally {
  readonly profile: string;
  readonly probes: Probes;
  readonly figures: () => {
    seeds: number;
    hours: number;
    events: number;
    ratio: number;
    failed: number;
  };
  add(result: SimResult, milliseconds: number): void;
}

export function tallyOf(profile: string): Tally {
  const probes = new Probes();
  let seeds = 0;
  let virtual = 0;
  let real = 0;
  let events = 0;
  let failed = 0;
  return {
    profile,
    probes,
    figures: () => {
      return {
        seeds,
        hours: virtual / 3_600_000,
        events,
        ratio: virtual / Math.max(1, real),
        failed,
      };
    },
    add(result, milliseconds) {
      seeds += 1;
      virtual += result.virtualMilliseconds;
      real += milliseconds;
      events += result.events;
      if (result.failure !== undefined) failed += 1;
      probes.add(result.probes);
    },
  };
}

export function printTable(tallies: readonly Tally[]): void {
  const head = ['profile', 'seeds', 'virtual h', 'events', 'ratio', 'probes', 'failures'];
  const rows = tallies.map((tally) => {
    const { seeds, hours, events, ratio, failed } = tally.figures();
    const hit = ALL_PROBES.filter((probe) => tally.probes.counts.has(probe)).length;
    const figures = [seeds, hours.toFixed(2), events, `${Math.round(ratio)}x`];
    return [tally.profile, ...figures, `${hit}/${ALL_PROBES.length}`, failed].map(String);
  });
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  for (const row of [head, ...rows]) {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    console.log(cells.join('  '));
  }
  const [only, ...others] = tallies;
  if (only !== undefined && others.length === 0) printProbes(only);
  const never = ALL_PROBES.filter((probe) =>
    tallies.every(({ probes }) => !probes.counts.has(probe)),
  );
  if (never.length > 0) console.log(`never hit: ${never.join(', ')}`);
}

/** Of one profile: the count of each probe. */
function printProbes({ probes }: Tally): void {
  const hit = [...probes.counts].sort(([one], [other]) => (one < other ? -1 : 1));
  console.log(`hit: ${hit.map(([name, count]) => `${name} ${count}`).join(', ')}`);
}
