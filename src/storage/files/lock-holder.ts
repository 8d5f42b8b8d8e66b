/** The holder of a folder, as written beside its lock: for messages and for a second check. */

import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Identifies one process on all machines that may share a volume. Empty where unknown. */
export interface LockHolder {
  readonly pid: number;
  /** The start time of the process: distinguishes a later process with the same number. */
  readonly start: string;
  readonly host: string;
  /** The boot of the kernel. */
  readonly boot: string;
  /** The namespace in which the pid is this process's. */
  readonly pidNamespace: string;
}

/** Constant size, written in place, so that a full disk has space for it. */
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

/** Undefined if the file names no process. */
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

/** A folder whose holder cannot be written is locked all the same. */
export function writeHolder(path: string, holder: LockHolder | undefined): void {
  const text = JSON.stringify(holder ?? null).padEnd(HOLDER_BYTES - 1);
  for (const flag of ['r+', 'w']) {
    try {
      writeFileSync(path, `${text}\n`, { flag, mode: 0o600 });
      return;
    } catch {
      // Absent: created with the second flag. Or the disk is full: the name of the last holder
      // remains.
    }
  }
}

/**
 * True only if proven: the same boot of the kernel, the same namespace, and a process of that
 * number with the same start time.
 */
export function isAlive(holder: LockHolder): boolean {
  const { pid, start, boot, pidNamespace } = holder;
  const here = thisProcess();
  if (boot === '' || boot !== here.boot || pidNamespace !== here.pidNamespace) return false;
  return startOf(pid) === start;
}

/** This process, even if an earlier store of it wrote the name. */
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
 * Empty if there is no such process, or no /proc. A killed process keeps its number until its
 * parent has collected it, which the first process of a container may never do; it holds no lock
 * any more.
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
