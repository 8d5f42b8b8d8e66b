/** `make mutants`: plants each bug in turn and runs the oracles until one finds it. */

import type { Bug } from './bug.ts';
import { BUGS } from './bugs.ts';
import { hunt, type Seeds, type Verdict } from './hunt.ts';

const CHILDREN_AT_ONCE = 2;
const SEEDS_MAX = 500;
const SEEDS_EARLY = 40;
const WIDTHS = [34, 7, 9] as const;

const args = process.argv.slice(2);
const seeds = seedsFrom(args);
const startedAt = performance.now();
const verdicts = await huntAll(chosen(args));
const survivors = verdicts.filter(({ caught }) => caught === undefined);
report(verdicts);
console.log(`mutants: ${verdicts.length - survivors.length} passed, ${survivors.length} failed`);
process.exitCode = survivors.length === 0 ? 0 : 1;

function option(name: string): string | undefined {
  const start = `--${name}=`;
  return args.find((word) => word.startsWith(start))?.slice(start.length);
}

/** `--deep` counts the seeds that each bug needs, though a transcript would find it sooner. */
function seedsFrom(words: readonly string[]): Seeds {
  const max = Number(option('seeds') ?? SEEDS_MAX);
  return { early: words.includes('--deep') ? max : Math.min(SEEDS_EARLY, max), max };
}

function chosen(words: readonly string[]): readonly Bug[] {
  const names = option('bug')?.split(',');
  if (names === undefined)
    return words.includes('--fast') ? BUGS.filter((bug) => bug.isFast) : BUGS;
  const unknown = names.filter((name) => !BUGS.some((bug) => bug.name === name));
  if (unknown.length > 0) throw new RangeError(`no bug is called ${unknown.join(', ')}`);
  return BUGS.filter(({ name }) => names.includes(name));
}

async function huntAll(bugs: readonly Bug[]): Promise<Verdict[]> {
  const waiting = [...bugs];
  const done: Verdict[] = [];
  print(['bug', 'seeds', 'time', 'caught by']);
  const work = async () => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      const verdict = await hunt(bug, seeds);
      done.push(verdict);
      const time = `${verdict.seconds.toFixed(1)} s`;
      print([bug.name, String(verdict.seeds ?? 'none'), time, verdict.caught ?? 'SURVIVED']);
    }
  };
  await Promise.all(Array.from({ length: CHILDREN_AT_ONCE }, work));
  return done;
}

function report(done: readonly Verdict[]): void {
  const seeds = done.flatMap((verdict) => verdict.seeds ?? []).sort((one, other) => one - other);
  const median = seeds[seeds.length >> 1] ?? 0;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  console.log(`${done.length} bugs in ${seconds} s`);
  console.log(`${seeds.length} caught by a seed, at the median by seed ${median}`);
  for (const { bug, caught } of done) {
    if (caught === undefined) console.log(`survived: ${bug.name}: ${bug.sentence}`);
  }
}

function print(cells: readonly [string, string, string, string]): void {
  const [name, seeds, time, caught] = cells;
  const [nameWidth, seedsWidth, timeWidth] = WIDTHS;
  const numbers = `${seeds.padStart(seedsWidth)}${time.padStart(timeWidth)}`;
  console.log(`${name.padEnd(nameWidth)}${numbers}  ${caught.split('\n')[0]}`);
}
