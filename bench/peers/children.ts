/**
 * Child processes and temporary folders of a benchmark, which end with it: also when it is
 * interrupted or killed.
 */

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const END_MILLISECONDS = 10_000;
/** The kernel sends the program this signal when the benchmark ends, even by SIGKILL. */
const WITH_PARENT = ['--pdeathsig', 'TERM', '--'];

const children = new Set<ChildProcess>();
const folders = new Set<string>();
let canFollowParent: boolean | undefined;

export function startChild(
  program: string,
  words: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  canFollowParent ??= spawnSync('setpriv', [...WITH_PARENT, 'true']).status === 0;
  const child = canFollowParent
    ? spawn('setpriv', [...WITH_PARENT, program, ...words], options)
    : spawn(program, words, options);
  return watchChild(child);
}

/** The child is ended with the others. */
export function watchChild(child: ChildProcess): ChildProcess {
  children.add(child);
  child.once('exit', () => children.delete(child));
  // A program that is missing is reported by what waits for it.
  child.once('error', () => children.delete(child));
  return child;
}

/** Resolves when the process has ended: by SIGTERM, or by SIGKILL if that has no effect. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const kill = setTimeout(() => child.kill('SIGKILL'), END_MILLISECONDS);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
  clearTimeout(kill);
}

export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `ringkv-${name}-`));
  folders.add(folder);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

async function endAll(): Promise<void> {
  await Promise.all([...children].map(endChild));
  for (const folder of folders) removeFolder(folder);
}

/** Ctrl-C, and signals of the system, leave neither a process nor a folder. */
export function endWhenInterrupted(): void {
  let isEnding = false;
  for (const [signal, number] of [
    ['SIGINT', 2] as const,
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.on(signal, () => {
      if (isEnding) return;
      isEnding = true;
      console.error('\ninterrupted: ends all processes');
      // What waits for one of them fails now.
      process.on('uncaughtException', () => {});
      void endAll().finally(() => process.exit(128 + number));
    });
  }
}
