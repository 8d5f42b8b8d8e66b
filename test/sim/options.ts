/** The command line, and the command that repeats a run. */

import type { Overrides } from './plan.ts';
import { PROFILES } from './profiles.ts';

export interface Options {
  readonly seeds: number;
  /** The first seed; the rest follow it. */
  readonly seed: number;
  readonly profiles: readonly string[];
  readonly overrides: Overrides;
  readonly isShrinking: boolean;
  readonly isVerbose: boolean;
}

export function optionsFrom(words: readonly string[]): Options {
  const given = new Map<string, string>();
  for (const word of words) {
    const [name = '', value = ''] = word.replace(/^--/, '').split('=');
    given.set(name, value);
  }
  const profile = given.get('profile');
  if (profile !== undefined && PROFILES[profile] === undefined) {
    throw new RangeError(`no profile is called ${profile}: ${Object.keys(PROFILES).join(', ')}`);
  }
  const overrides: Record<string, number | string[]> = {};
  for (const name of ['nodes', 'shards', 'clients', 'seconds']) {
    const value = given.get(name);
    if (value !== undefined) overrides[name] = Number(value);
  }
  const without = given.get('without');
  if (without !== undefined) overrides.without = without.split(',');
  const seed = given.get('seed');
  return {
    seeds: Number(given.get('seeds') ?? (seed === undefined ? 150 : 1)),
    seed: Number(seed ?? 1),
    profiles: profile === undefined ? Object.keys(PROFILES) : [profile],
    overrides,
    isShrinking: given.has('shrink'),
    isVerbose: given.has('verbose'),
  };
}

/** The command that repeats the run. */
export function commandFor(run: {
  readonly profile: string;
  readonly seed: number;
  readonly overrides?: Overrides | undefined;
}): string {
  const words = Object.entries(run.overrides ?? {}).map(([name, value]) => `--${name}=${value}`);
  if (words.length === 0) return `make sim PROFILE=${run.profile} SEED=${run.seed} SEEDS=1`;
  const start = `node build/test/sim/main.js --profile=${run.profile} --seed=${run.seed}`;
  return `${start} ${words.join(' ')}`;
}
