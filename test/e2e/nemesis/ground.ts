/**
 * What a run stands on: a namespace of its own for processes, mounts and the network, which takes
 * with it all that is in it; and the two programs in C. Where that is not permitted, the run says
 * what it does without.
 */

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
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
  /** What is missing, in words. */
  readonly missing: readonly string[];
}

export const SHARES_FOLDER = '/sys/fs/cgroup/cpu';
const NATIVE = fileURLToPath(new URL('../../../../test/e2e/nemesis/native/', import.meta.url));
const SPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
const STOP_MILLISECONDS_MAX = 90_000;

/** Whether this machine lets us have namespaces of our own. */
export function canUnshare(): boolean {
  return spawnSync('unshare', [...SPACES, 'true']).status === 0;
}

/** Runs this program again in namespaces of its own, and ends as it ends. */
export async function enclose(program: string, words: readonly string[]): Promise<number> {
  const command = [...SPACES, process.execPath, program, ...words];
  const child = spawn('unshare', command, { stdio: 'inherit' });
  // Both get the signal of a terminal; the one inside ends first, and tells what it saw.
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    timer ??= setTimeout(() => child.kill('SIGKILL'), STOP_MILLISECONDS_MAX);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', () => {
    stop();
    signalInside(child);
  });
  const code = await ended(child);
  clearTimeout(timer);
  return code;
}

/** `unshare` itself does not hand signals on. */
function signalInside({ pid }: ChildProcess): void {
  spawnSync('sh', ['-c', `kill -TERM $(cat /proc/${pid}/task/${pid}/children)`]);
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

/** Inside of the namespaces, if there are any. */
export function survey(folder: string, isEnclosed: boolean): Ground {
  const missing: string[] = [];
  const has = (what: string, isThere: boolean) => {
    if (!isThere) missing.push(what);
    return isThere;
  };
  if (isEnclosed) mount('/run', '16m');
  const compiled = has('a C compiler', spawnSync('cc', ['--version']).status === 0);
  const isRoot = process.getuid?.() === 0;
  const isNetworked = has('network namespaces with TUN devices', isEnclosed && hasTunnels());
  const build = (name: string, words: readonly string[]) => {
    if (!compiled) return undefined;
    const target = join(folder, name);
    execFileSync('cc', ['-O2', '-o', target, join(NATIVE, `${words[0]}`), ...words.slice(1)]);
    return target;
  };
  return {
    switchProgram: isNetworked ? build('switch', ['switch.c']) : undefined,
    shim: build('shim.so', ['shim.c', '-shared', '-fPIC', '-ldl', '-lpthread']),
    hasMounts: has('mounts of their own', isEnclosed),
    hasShares: has('cgroups for processor time', isRoot && existsSync(`${SHARES_FOLDER}/tasks`)),
    missing,
  };
}

function hasTunnels(): boolean {
  return existsSync('/dev/net/tun') && spawnSync('ip', ['-V']).status === 0;
}

/** A file system in memory, gone with the namespace. */
export function mount(folder: string, size: string): void {
  mkdirSync(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'nemesis', folder]);
}

export function unmount(folder: string): void {
  execFileSync('umount', [folder]);
}

/** What a run that was killed may have left behind: everything else went with its namespaces. */
export function sweepShares(prefix: string): void {
  if (!existsSync(SHARES_FOLDER)) return;
  for (const name of readdirSync(SHARES_FOLDER)) {
    if (!name.startsWith(prefix)) continue;
    try {
      rmdirSync(join(SHARES_FOLDER, name));
    } catch {
      // A process of it is still ending; the folder is empty otherwise and does no harm.
    }
  }
}
