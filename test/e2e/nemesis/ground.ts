/** The environment of a run: what this machine permits, and the two programs in C. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Ground {
  /** Network namespaces, and a switch between them. */
  readonly switchProgram: string | undefined;
  /** The library that is loaded before all others. */
  readonly shim: string | undefined;
  readonly hasMounts: boolean;
  readonly hasShares: boolean;
  /** What is missing, as a text. */
  readonly missing: readonly string[];
}

export const SHARES_FOLDER = '/sys/fs/cgroup/cpu';
const NATIVE = fileURLToPath(new URL('../../../../test/e2e/nemesis/native/', import.meta.url));
const SHARED_LIBRARY = ['-shared', '-fPIC', '-ldl', '-lpthread'];

/** Inside of our own namespaces, if there are any. */
export function survey(folder: string, isEnclosed: boolean): Ground {
  const missing: string[] = [];
  const has = (what: string, isThere: boolean) => {
    if (!isThere) missing.push(what);
    return isThere;
  };
  // Network namespaces have their names there; no other process sees this one.
  if (isEnclosed) mount('/run', '16m');
  const hasCompiler = has('a C compiler', spawnSync('cc', ['--version']).status === 0);
  const hasTunnels = existsSync('/dev/net/tun') && spawnSync('ip', ['-V']).status === 0;
  const isNetworked = has('network namespaces with TUN devices', isEnclosed && hasTunnels);
  const isRoot = process.getuid?.() === 0;
  return {
    switchProgram: hasCompiler && isNetworked ? compile(folder, 'switch.c', []) : undefined,
    shim: hasCompiler ? compile(folder, 'shim.c', SHARED_LIBRARY) : undefined,
    hasMounts: has('mounts of their own', isEnclosed),
    hasShares: has('cgroups for processor time', isRoot && existsSync(`${SHARES_FOLDER}/tasks`)),
    missing,
  };
}

/** The mount point. */
export function compile(folder: string, source: string, words: readonly string[]): string {
  const target = join(folder, source.replace('.c', ''));
  execFileSync('cc', ['-O2', '-o', target, join(NATIVE, source), ...words]);
  return target;
}

/** A file system in memory, gone with the namespace. */
export function mount(folder: string, size: string): void {
  mkdirSync(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'nemesis', folder]);
}

export function unmount(folder: string): void {
  execFileSync('umount', [folder]);
}

/** Removes what a killed run may have left: everything else went with its namespaces. */
export function sweepShares(prefix: string): void {
  if (!existsSync(SHARES_FOLDER)) return;
  for (const name of readdirSync(SHARES_FOLDER)) {
    if (!name.startsWith(prefix)) continue;
    try {
      rmdirSync(join(SHARES_FOLDER, name));
    } catch {
      // A process of it is still ending; otherwise the folder is empty and does no harm.
    }
  }
}
