/** How long each file took when it ran last, kept with what is built. */

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

export type RunTimes = ReadonlyMap<string, number>;

export function readTimes(path: string): RunTimes {
  if (!existsSync(path)) return new Map();
  return new Map(Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>));
}

/** Renamed into place: another run may read the file at the same moment. */
export function writeTimes(path: string, times: RunTimes): void {
  const written = `${path}.${process.pid}`;
  writeFileSync(written, JSON.stringify(Object.fromEntries(times), undefined, 2));
  renameSync(written, path);
}

/** The longest group first, so that none of them begins when all others have ended. */
export function longestFirst(
  groups: readonly (readonly string[])[],
  times: RunTimes,
): (readonly string[])[] {
  const timeOf = (paths: readonly string[]) =>
    paths.reduce((sum, path) => sum + (times.get(path) ?? Number.MAX_VALUE), 0);
  return [...groups].sort((one, other) => timeOf(other) - timeOf(one));
}
