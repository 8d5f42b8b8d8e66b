/** Who holds a folder: what the holder writes beside its lock, for people and for a second look. */

import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Of one process among all on all machines that may share a volume. Empty where not known. */
export interface LockHolder {
  readonly pid: number;
  /** When the process began: a later one of the same number is told from it. */
  readonly start: string;
  readonly host: string;
  /** Of this run of the kernel. */
  readonly boot: string;
  /** In which the pid means this process. */
  readonly pidNamespace: string;
}

/** Always as long, and written in place: so a full disk has room for it. */
const HOLDER_BYTES = 512;

export function thisProcess(): LockHolder {
  return {
    pid: process.pid,
    start: startOf(process.pid),
    host: hostname(),
    boot: (textOf('/proc/sys/kernel/random/boot_id') ?? '').trim(),
    pidNamespace: pidNamespace(),
  };
}

/** Undefined if no process is named there. */
export function readHolder(path: string): LockHolder | undefined {
  try {
    const found = JSON.parse(readFileSync(path, 'utf8')) as Partial<LockHolder> | null;
    if (found === null || typeof found.pid !== 'number') return undefined;
    const { pid, start = '', host = '', boot = '', pidNamespace = '' } = found;
    return { pid, start, host, boot, pidNamespace };
  } catch {
    return undefined;
  }
}

/** A folder that cannot name its holder is locked all the same. */
export function writeHolder(path: string, holder: LockHolder | undefined): void {
  const text = JSON.stringify(holder ?? null).padEnd(HOLDER_BYTES - 1);
  for (const flag of ['r+', 'w']) {
    try {
      writeFileSync(path, `${text}\n`, { flag, mode: 0o600 });
      return;
    } catch {
      // Absent, so it is made; or the disk is full, and the name of the last holder stays.
    }
  }
}

/**
 * Only what can be proven counts: the same run of the kernel, the same meaning of the number, and a
 * process of that number which began when the holder did.
 */
export function isAlive(holder: LockHolder): boolean {
  const { pid, start, boot, pidNamespace } = holder;
  const here = thisProcess();
  if (boot === '' || boot !== here.boot || pidNamespace !== here.pidNamespace) return false;
  return startOf(pid) === start;
}

/** Of this process, also if an earlier store of it left it. */
export function isSelf({ pid, start, boot, pidNamespace }: LockHolder): boolean {
  const here = thisProcess();
  const isSamePlace = boot === here.boot && pidNamespace === here.pidNamespace;
  return isSamePlace && pid === here.pid && start === here.start;
}

export function holderText(holder: LockHolder | undefined): string {
  if (holder === undefined) return 'another process';
  const { pid, host, boot, pidNamespace } = holder;
  const here = thisProcess();
  if (boot !== here.boot) return `process ${pid} on host ${host}`;
  if (pidNamespace === here.pidNamespace) return `process ${pid}`;
  return `process ${pid} of another container on this machine (host name ${host})`;
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/**
 * Empty where there is no such process, or no /proc. A process that was killed keeps its number
 * until its parent has collected it, which the first process of a container may never do; it holds
 * no lock any more.
 */
function startOf(pid: number): string {
  const stat = textOf(`/proc/${pid}/stat`) ?? '';
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? 'ended' : (fields[19] ?? '');
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
