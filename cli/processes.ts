/** Processes that kvctl started: identified by pid and start time. */

import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

const STATE = 0;
const BEGAN_AT = 19;

/**
 * The start time of a process, which differs from that of any other process with its pid; undefined
 * if there is no such process, or only a zombie that its parent has not reaped.
 */
function markOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return markByPs(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program name is in parentheses and may contain any character.
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

/** The process of a pid file, if it is still the same process. */
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

export type StopResult = 'stopped' | 'killed' | 'not there';

const PATIENCE_MILLISECONDS = 10_000;
const LOOK_MILLISECONDS = 50;

/** Sends SIGTERM, waits, and sends SIGKILL if the process does not stop. */
export async function endProcess(pidFile: string): Promise<StopResult> {
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
    // The process ended in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
