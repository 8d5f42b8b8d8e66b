/** Which files of tests share a process: a process costs a tenth of a second and its imports. */

import type { RunTimes } from './run-times.ts';

/** The tests of these rooms leave nothing in their process: a tidy rule keeps it so. */
const SHARED_ROOMS: readonly string[] = [
  'base',
  'ring',
  'raft',
  'machine',
  'catalog',
  'txn',
  'wire',
  'shard',
  'router',
  'node',
  'checkers',
  'scenario',
  'storage',
  'client',
];

/** Those that need a process of their own all the same. */
const OWN_PROCESS: readonly string[] = [
  // Starts other programs.
  'test/ring/placement.test.ts',
  'test/storage/folder-lock.test.ts',
  'test/storage/log-full-disk.test.ts',
  'test/client/admin.test.ts',
  'test/client/connect.test.ts',
  'test/client/login.test.ts',
  'test/client/realm.test.ts',
  'test/client/held-loop.slow.test.ts',
  // Real sockets.
  'test/node/stream-transports.test.ts',
  // One store serves all of its tests.
  'test/client/lock-arguments.test.ts',
  'test/client/lock-signals.test.ts',
  'test/client/locking.test.ts',
  'test/client/releases.test.ts',
  // Measures the memory of its process.
  'test/base/fifo.test.ts',
  'test/catalog/fuzz.test.ts',
  'test/machine/decoders.test.ts',
  'test/storage/entry-cache.test.ts',
  'test/storage/memtable.test.ts',
  'test/wire/hostile-frame.test.ts',
  // Has a hook for each of its tests.
  'test/shard/range-turns.test.ts',
  // Listens for what no test of its process has caught.
  'test/client/library.test.ts',
];

/** Of the time of all files: a larger group would still run when all others have ended. */
const GROUP_SHARE_MAX = 1 / 20;
/** So that few files share a process as well. */
const GROUP_SECONDS = 2;
/** Of a file that never ran. */
const SECONDS_GUESSED = 0.5;

export function sharesProcess(path: string): boolean {
  return SHARED_ROOMS.includes(path.split('/')[1] ?? '') && !OWN_PROCESS.includes(path);
}

/** Files in groups, in the order given, so that neighbours share their imports. */
export function groupFiles(
  paths: readonly string[],
  times: RunTimes,
): readonly (readonly string[])[] {
  const secondsOf = (path: string) => times.get(path) ?? SECONDS_GUESSED;
  const sum = paths.reduce((before, path) => before + secondsOf(path), 0);
  const secondsMax = Math.max(GROUP_SECONDS, sum * GROUP_SHARE_MAX);
  const groups: string[][] = [];
  let group: string[] = [];
  let seconds = 0;
  for (const path of paths) {
    const more = secondsOf(path);
    if (!sharesProcess(path) || more > secondsMax) {
      groups.push([path]);
      continue;
    }
    if (group.length === 0 || seconds + more > secondsMax) {
      group = [];
      groups.push(group);
      seconds = 0;
    }
    group.push(path);
    seconds += more;
  }
  return groups;
}
