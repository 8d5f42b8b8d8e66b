/** The explorations that are made, and their output. */

import type { Bounds } from './bounds.ts';
import { explore } from './search.ts';

const NOTHING = {
  campaigns: 0,
  proposals: 0,
  crashes: 0,
  duplicates: 0,
  beats: 0,
  reads: 0,
  isDiskInstant: false,
};

/** Chosen so that all of them together take about a minute. */
export const EXPLORATIONS: readonly Bounds[] = [
  { ...NOTHING, name: 'a proposal and a crash', campaigns: 1, proposals: 1, crashes: 1 },
  { ...NOTHING, name: 'a proposal and a duplicate', campaigns: 1, proposals: 1, duplicates: 1 },
  { ...NOTHING, name: 'a read and a duplicate', campaigns: 1, reads: 1, duplicates: 1 },
  { ...NOTHING, name: 'two campaigns', campaigns: 2 },
  {
    ...NOTHING,
    name: 'two proposals and a crash, a disk that is instant',
    campaigns: 1,
    proposals: 2,
    crashes: 1,
    isDiskInstant: true,
  },
  {
    ...NOTHING,
    name: 'two campaigns and a proposal, a disk that is instant',
    campaigns: 2,
    proposals: 1,
    isDiskInstant: true,
  },
];

/** A quick run, for when the core is broken on purpose. */
const QUICK: readonly Bounds[] = EXPLORATIONS.slice(0, 1);

export function run(args: readonly string[]): number {
  const wanted = args.find((arg) => arg.startsWith('--bounds='));
  const usual = args.includes('--quick') ? QUICK : EXPLORATIONS;
  const explorations = wanted === undefined ? usual : [parse(wanted.slice('--bounds='.length))];
  let failed = 0;
  for (const bounds of explorations) if (!exploreAloud(bounds)) failed += 1;
  console.log(`explore: ${explorations.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function exploreAloud(bounds: Bounds): boolean {
  const startedAt = performance.now();
  const { worlds, steps, depth, localStates, messages, violation } = explore(bounds);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(
    `${bounds.name}: ${worlds} worlds, ${steps} steps, depth ${depth}, ` +
      `${localStates} local states, ${messages} messages, ${seconds} s`,
  );
  if (violation === undefined) return true;
  console.log(`  broken: ${violation.rule}`);
  violation.path.forEach((step, at) => {
    console.log(`  ${String(at + 1).padStart(2)}. ${step}`);
  });
  return false;
}

/** `campaigns,proposals,crashes,duplicates,beats,reads,isDiskInstant`, as numbers. */
function parse(text: string): Bounds {
  const [
    campaigns = 0,
    proposals = 0,
    crashes = 0,
    duplicates = 0,
    beats = 0,
    reads = 0,
    instant = 0,
  ] = text.split(',').map(Number);
  const isDiskInstant = instant === 1;
  return { name: text, campaigns, proposals, crashes, duplicates, beats, reads, isDiskInstant };
}
