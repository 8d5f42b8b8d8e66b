/** Processes that kvctl started earlier: known by number and by when they began. */

import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

const STATE = 0;
const BEGAN_AT = 19;

/**
 * When a process began, in a form that no other process with its number has; undefined if there is
 * none, or only its remains that nobody has collected.
 */
function markOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return markByPs(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program stands in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return fields[STATE] === 'Z' ? undefined : `${boot} ${fields[BEGAN_AT]}`;
  } catch {
    return undefined;
  }
}

function markByPs(pid: number): string | undefined {
  try {
    const words = ['-o', 'lstart=', '-p', String(pid)];
    const mark = execFileSync('ps', words, { encoding: 'utf8', stdio: 'pipe' }).trim();
    return mark === '' ? undefined : mark;
  } catch {
    return undefined;
  }
}

export function writePidFile(path: string, pid: number): void {
  writeFileSync(path, `${pid}\n${markOf(pid) ?? ''}\n`);
}

export function removePidFile(path: string): void {
  rmSync(path, { force: true });
}

/** The process of a pid file, if it is still the one that was meant. */
export function livePid(path: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const [first = '', mark = ''] = text.split('\n');
  const pid = /^[1-9]\d{0,9}$/.test(first) ? Number(first) : undefined;
  return pid !== undefined && mark !== '' && markOf(pid) === mark ? pid : undefined;
}

export type Ending = 'stopped' | 'killed' | 'not there';

const PATIENCE_MILLISECONDS = 10_000;
const LOOK_MILLISECONDS = 50;

/** Asks it to stop, waits, and ends it if it does not listen. */
export async function endProcess(pidFile: string): Promise<Ending> {
  const pid = livePid(pidFile);
  if (pid === undefined) return 'not there';
  signal(pid, 'SIGTERM');
  const until = Date.now() + PATIENCE_MILLISECONDS;
  while (Date.now() < until) {
    if (livePid(pidFile) === undefined) return 'stopped';
    await new Promise((resume) => setTimeout(resume, LOOK_MILLISECONDS));
  }
  signal(pid, 'SIGKILL');
  return 'killed';
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended by itself in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
