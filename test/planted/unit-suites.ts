/** The unit tests of the room of a bug, one file at a time. */

import { existsSync, readdirSync } from 'node:fs';
import type { Bug } from './bug.ts';
import type { Finding } from './child.ts';
import { roomOf } from './rooms.ts';
import { runChild } from './run-child.ts';

const ENDING = '.test.ts';

/** Whether a file passes for the sound product: run once, however many bugs there are. */
const soundness = new Map<string, Promise<boolean>>();

/** The first failure of the first file that fails with the bug, and without it does not. */
export async function huntByTests(bug: Bug): Promise<Finding> {
  for (const tests of suitesFor(bug)) {
    const finding = await runSuite(bug.name, tests);
    if (finding.caught !== undefined && (await isSound(tests))) return finding;
  }
  return { seed: 0, caught: undefined };
}

/** The files that the bug names come first, then the others of its room. */
export function suitesFor(bug: Bug): readonly string[] {
  const { tests: folder } = roomOf(bug);
  const named = (bug.tests ?? []).map((name) => `${folder}${name}${ENDING}`);
  const missing = named.filter((path) => !existsSync(path));
  if (missing.length > 0) throw new RangeError(`${bug.name} names ${missing.join(', ')}`);
  const all = readdirSync(folder)
    .filter((name) => name.endsWith(ENDING))
    .sort()
    .map((name) => `${folder}${name}`);
  return [...new Set([...named, ...all])];
}

function isSound(tests: string): Promise<boolean> {
  const known = soundness.get(tests) ?? askSound(tests);
  soundness.set(tests, known);
  return known;
}

async function askSound(tests: string): Promise<boolean> {
  const { caught } = await runSuite(undefined, tests);
  if (caught !== undefined) console.log(`red without a bug, so it does not count: ${caught}`);
  return caught === undefined;
}

function runSuite(bug: string | undefined, tests: string): Promise<Finding> {
  return runChild({ bug, oracle: 'unit-tests', profiles: [], seedFirst: 1, seedLast: 1, tests });
}
