/** The hunt for one planted bug: the oracles of its room, one after the other. */

import { readFileSync } from 'node:fs';
import { unreachable } from '../../src/base/assert.ts';
import { type Bug, compiledPath, plant } from './bug.ts';
import type { Finding } from './child.ts';
import { type Oracle, roomOf } from './rooms.ts';
import { runChild } from './run-child.ts';
import { huntByTests } from './unit-suites.ts';

export interface Seeds {
  /** Tried before slower and less specific oracles. */
  readonly early: number;
  /** A bug that needs more than this is a survivor. */
  readonly max: number;
}

export interface Verdict {
  readonly bug: Bug;
  /** What an oracle found; undefined for a survivor. */
  readonly caught: string | undefined;
  /** The seed of the simulator that found it; undefined if none did. */
  readonly seeds: number | undefined;
  readonly seconds: number;
}

/** A whole cluster takes longer than the cores of one shard, and finds more. */
const CLUSTER_SEEDS = 60;

const SEEDED: readonly Oracle[] = ['early-seeds', 'late-seeds', 'cluster-seeds'];

/** Resolves when the bug is caught or everything was tried. */
export async function hunt(bug: Bug, seeds: Seeds): Promise<Verdict> {
  const startedAt = performance.now();
  // A bug that cannot be planted would look like a product that does not even start.
  plant(bug, readFileSync(`.${compiledPath(bug)}`, 'utf8'));
  let caught: string | undefined;
  let seed: number | undefined;
  for (const oracle of roomOf(bug).oracles) {
    const finding = await ask(oracle, bug, seeds);
    caught = finding.caught;
    if (caught === undefined) continue;
    if (SEEDED.includes(oracle)) seed = finding.seed;
    break;
  }
  return { bug, caught, seeds: seed, seconds: (performance.now() - startedAt) / 1000 };
}

async function ask(oracle: Oracle, bug: Bug, { early, max }: Seeds): Promise<Finding> {
  switch (oracle) {
    case 'early-seeds':
      return huntBySeeds(bug, { first: 1, last: Math.min(early, max) });
    case 'late-seeds':
      return huntBySeeds(bug, { first: early + 1, last: max });
    case 'cluster-seeds':
      return huntBySeeds(bug, { first: 1, last: Math.min(CLUSTER_SEEDS, max) }, 'cluster');
    case 'unit-tests':
      return huntByTests(bug);
    case 'transcripts':
    case 'exploration':
      return runChild({ bug: bug.name, oracle, profiles: [], seedFirst: 1, seedLast: 1 });
    default:
      return unreachable(oracle);
  }
}

/** A seed on which the sound product fails as well says nothing about the bug. */
async function huntBySeeds(
  { name, profiles }: Bug,
  range: { readonly first: number; readonly last: number },
  oracle: 'simulation' | 'cluster' = 'simulation',
): Promise<Finding> {
  const task = { profiles, oracle, seedLast: range.last } as const;
  const start = profiles.length > 0 ? range.first : range.last + 1;
  for (let seedFirst = start; seedFirst <= range.last; ) {
    const finding = await runChild({ ...task, bug: name, seedFirst });
    const { caught, seed } = finding;
    if (caught === undefined) break;
    const control = { ...task, bug: undefined, seedFirst: seed, seedLast: seed };
    if ((await runChild(control)).caught === undefined) return finding;
    seedFirst = seed + 1;
  }
  return { seed: range.last, caught: undefined };
}
