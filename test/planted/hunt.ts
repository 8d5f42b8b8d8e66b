/** The hunt for one planted bug: seeds first, then the explorer, then the transcripts. */

import { fork } from 'node:child_process';
import type { Bug } from './bug.ts';
import type { Finding, Task } from './child.ts';

export interface Seeds {
  /** Tried before the transcripts and the explorer. */
  readonly early: number;
  /** A bug that needs more than this is a survivor. */
  readonly max: number;
}

/** A seed that takes longer has no end; the sound product takes a few seconds at most. */
const SEED_MILLISECONDS_MAX = 120_000;
const MEMORY_MEGABYTES_MAX = 3000;

export interface Verdict {
  readonly bug: Bug;
  /** Which oracle saw what; undefined for a survivor. */
  readonly caught: string | undefined;
  /** The seed of the simulator that caught it; undefined if none did. */
  readonly seeds: number | undefined;
  readonly seconds: number;
}

/**
 * Resolves when the bug is caught or everything was tried: some seeds, then what is sure to see it
 * if it can at all, and only then the many seeds that remain.
 */
export async function hunt(bug: Bug, seeds: Seeds): Promise<Verdict> {
  const startedAt = performance.now();
  const verdict = (caught: string | undefined, seed: number | undefined): Verdict => {
    return { bug, caught, seeds: seed, seconds: (performance.now() - startedAt) / 1000 };
  };
  const early = await huntBySeeds(bug, { first: 1, last: Math.min(seeds.early, seeds.max) });
  if (early.caught !== undefined) return verdict(early.caught, early.seed);
  for (const oracle of ['transcripts', 'exploration'] as const) {
    const finding = await runChild(bug, { ...WHOLE, bug: bug.name, oracle });
    if (finding.caught !== undefined) return verdict(finding.caught, undefined);
  }
  const late = await huntBySeeds(bug, { first: seeds.early + 1, last: seeds.max });
  return verdict(late.caught, late.caught === undefined ? undefined : late.seed);
}

const WHOLE = { profiles: [], seedFirst: 1, seedLast: 1 };

/** A seed on which the sound product fails as well says nothing about the bug. */
async function huntBySeeds(
  bug: Bug,
  range: { readonly first: number; readonly last: number },
): Promise<Finding> {
  const { name, profiles } = bug;
  const task = { profiles, oracle: 'simulation', seedLast: range.last } as const;
  for (let seedFirst = range.first; seedFirst <= range.last; ) {
    const finding = await runChild(bug, { ...task, bug: name, seedFirst });
    const { caught, seed } = finding;
    if (caught === undefined) break;
    const control = { ...task, bug: undefined, seedFirst: seed, seedLast: seed };
    if ((await runChild(bug, control)).caught === undefined) return finding;
    seedFirst = seed + 1;
  }
  return { seed: range.last, caught: undefined };
}

/** The last finding of a child. One that dies or falls silent was caught by that. */
function runChild(bug: Bug, task: Task): Promise<Finding> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('./child.js', import.meta.url), [JSON.stringify(task)], {
      execArgv: [`--max-old-space-size=${MEMORY_MEGABYTES_MAX}`],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let last: Finding = { seed: task.seedFirst - 1, caught: undefined };
    let complaint = '';
    let isHanging = false;
    const hang = () => {
      isHanging = true;
      child.kill('SIGKILL');
    };
    let timer = setTimeout(hang, SEED_MILLISECONDS_MAX);
    child.on('message', (finding: Finding) => {
      last = finding;
      clearTimeout(timer);
      timer = setTimeout(hang, SEED_MILLISECONDS_MAX);
    });
    child.stderr?.on('data', (text: Buffer) => {
      complaint += text.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      const seed = last.seed + 1;
      if (last.caught !== undefined || (code === 0 && !isHanging)) resolve(last);
      else if (isHanging) resolve({ seed, caught: 'time: it never ends' });
      else if (complaint.includes('heap')) resolve({ seed, caught: 'memory: it has no bound' });
      else reject(new Error(`the child for ${bug.name} died\n${complaint}`));
    });
  });
}
