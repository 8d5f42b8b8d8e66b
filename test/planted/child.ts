/**
 * A process with one bug in it, or none. It does what its first argument says and reports to its
 * parent; being a process of its own, it may loop for ever or run out of memory.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { register } from 'node:module';
import { CLUSTER_PROFILES, type Profile } from '../cluster/profile.ts';
import { OPEN_HOOK } from '../explore/open-hook.ts';
import type { Failure } from '../sim/failure.ts';
import { BUGS } from './bugs.ts';
import { PLANT_HOOK } from './plant-hook.ts';

/** The parent's instructions. */
export interface Task {
  /** Undefined for the sound product. */
  readonly bug: string | undefined;
  readonly oracle: 'simulation' | 'cluster' | 'exploration' | 'transcripts' | 'unit-tests';
  readonly profiles: readonly string[];
  readonly seedFirst: number;
  readonly seedLast: number;
  /** The source of the unit tests to run. */
  readonly tests?: string;
}

/** The report: the number of a finished seed, or what was found at that seed. */
export interface Finding {
  readonly seed: number;
  readonly caught: string | undefined;
}

const TRANSCRIPTS = 'test/scenario/raft';

const task = JSON.parse(process.argv[2] ?? '') as Task;

if (task.bug !== undefined) {
  register(PLANT_HOOK, { data: BUGS.find(({ name }) => name === task.bug) });
}
switch (task.oracle) {
  case 'simulation':
    await simulate();
    break;
  case 'cluster':
    await simulateClusters();
    break;
  case 'exploration':
    register(OPEN_HOOK);
    await exploreAll();
    break;
  case 'transcripts':
    await replayAll();
    break;
  case 'unit-tests':
    // They run when they are loaded; the parent reads their report.
    await import(new URL(`../../${builtFrom(task.tests ?? '')}`, import.meta.url).href);
    break;
}
process.disconnect();

function tell(finding: Finding): void {
  process.send?.(finding);
}

async function simulate(): Promise<void> {
  const { runSeed } = await import('../sim/run.ts');
  await tryAll((seed) => runSeed({ profile: profileOf(task.profiles, seed), seed }));
}

async function simulateClusters(): Promise<void> {
  const { runClusterSeed } = await import('../cluster/run.ts');
  await tryAll((seed) => runClusterSeed(seed, clusterProfileOf(task.profiles, seed)));
}

type Run = (seed: number) => { readonly failure: Failure | undefined };

async function tryAll(run: Run): Promise<void> {
  for (let seed = task.seedFirst; seed <= task.seedLast; seed++) {
    const { failure } = run(seed);
    const caught = failure === undefined ? undefined : `${failure.oracle}: ${failure.message}`;
    tell({ seed, caught });
    if (caught !== undefined) return;
    // Lets the message leave.
    await new Promise((resume) => setImmediate(resume));
  }
}

async function exploreAll(): Promise<void> {
  const { EXPLORATIONS } = await import('../explore/run.ts');
  const { explore } = await import('../explore/search.ts');
  for (const [seed, bounds] of EXPLORATIONS.entries()) {
    const { violation } = explore(bounds);
    tell({ seed, caught: violation && `explorer: ${violation.rule}` });
    if (violation !== undefined) return;
    await new Promise((resume) => setImmediate(resume));
  }
}

async function replayAll(): Promise<void> {
  const { replay } = await import('../support/scenario/transcript.ts');
  for (const [seed, name] of readdirSync(TRANSCRIPTS).sort().entries()) {
    const written = readFileSync(`${TRANSCRIPTS}/${name}`, 'utf8');
    if (!isReplayed(written)) {
      tell({ seed, caught: `transcript: ${name.replace('.txt', '')}` });
      return;
    }
  }

  function isReplayed(written: string): boolean {
    try {
      return replay(written) === written;
    } catch {
      return false;
    }
  }
}

function builtFrom(path: string): string {
  return path.replace(/\.ts$/, '.js');
}

function clusterProfileOf(profiles: readonly string[], seed: number): Profile {
  const chosen = profileOf(profiles, seed);
  return CLUSTER_PROFILES.find((one) => one === chosen) ?? 'cluster';
}

/** Profiles take turns. */
function profileOf(profiles: readonly string[], seed: number): string {
  return profiles[(seed - 1) % profiles.length] ?? '';
}
