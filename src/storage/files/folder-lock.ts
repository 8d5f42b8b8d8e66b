/**
 * One process for one folder. The kernel decides: the lock is the fcntl lock that LevelDB takes on
 * an empty store. So it holds between containers that share a volume, and the kernel frees it when
 * its process is killed.
 *
 * The kernel also frees it when its process closes any other descriptor of that file: a program
 * that copies the folder it has open loses the lock. So a process that gets the lock also reads the
 * holder's name beside it, and releases the lock if that process is provably alive.
 */

import {
  existsSync,
  fstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { isError } from '../../base/is-error.ts';
import {
  holderText,
  isAlive,
  isSelf,
  type LockHolder,
  readHolder,
  thisProcess,
  writeHolder,
} from './lock-holder.ts';
import { isOutOfSpace } from './system-errors.ts';

/**
 * Another process, or another store of this process, holds the folder; nothing in it was changed.
 */
interface Taken {
  readonly type: 'taken';
  readonly holder: string;
}

export interface FolderLock {
  readonly type: 'held';
  /** Recreates the reserve that a start on a full disk used; nothing if it exists. */
  replenish(): void;
  /** Safe to call twice. */
  release(): Promise<void>;
}

type Level = ClassicLevel<string, string>;

const FOLDER = 'lock';
const HOLDER = 'holder';
/** LevelDB's own file: opening and closing it here would free the lock. */
const LOCK = 'LOCK';
/** Released on a full disk, because LevelDB needs space to open an empty store. */
const RESERVE = 'reserve';
const RESERVE_BYTES = 64 * 1024;
const KEPT: readonly string[] = [LOCK, HOLDER, RESERVE];

/** The store never contains rows, so its buffers are as small as LevelDB allows. */
const OPTIONS = { writeBufferSize: 64 * 1024, cacheSize: 8 * 1024, compression: false } as const;

/**
 * The folders that this process holds, by device and inode: LevelDB closes a descriptor of the file
 * when it refuses a second opener of the same process, which would free the lock of the first.
 * Shared by all copies of this module.
 */
const HELD = Symbol.for('ringkv.folders-held');

/** A folder that was ever locked contains a node, or the beginning of one. */
export function isDataFolder(path: string): boolean {
  return existsSync(join(path, FOLDER, LOCK));
}

/** The folder must exist. Throws if it cannot be locked for another reason than a holder. */
export async function lockFolder(path: string): Promise<FolderLock | Taken> {
  const held = heldHere();
  const id = idOf(path);
  const folder = join(realpathSync(path), FOLDER);
  if (held.has(id) || isHeldByThread(folder)) {
    return { type: 'taken', holder: `this process (${process.pid})` };
  }
  held.add(id);
  try {
    const level = await openLevel(folder);
    const holder = readHolder(join(folder, HOLDER));
    const rival = level === undefined ? holder : livingRival(holder);
    if (level === undefined || rival !== undefined) {
      await level?.close();
      held.delete(id);
      return { type: 'taken', holder: holderText(rival) };
    }
    return heldLock(folder, level, () => held.delete(id));
  } catch (cause) {
    held.delete(id);
    throw cause;
  }
}

function heldLock(folder: string, level: Level, onReleased: () => void): FolderLock {
  const holder = join(folder, HOLDER);
  writeHolder(holder, thisProcess());
  const replenish = () => {
    const path = join(folder, RESERVE);
    try {
      if (!existsSync(path)) writeFileSync(path, new Uint8Array(RESERVE_BYTES), { mode: 0o600 });
    } catch {
      rmSync(path, { force: true });
    }
  };
  replenish();
  let released: Promise<void> | undefined;
  const release = async () => {
    writeHolder(holder, undefined);
    await level.close();
    onReleased();
  };
  return {
    type: 'held',
    replenish,
    release: () => {
      released ??= release();
      return released;
    },
  };
}

function livingRival(holder: LockHolder | undefined): LockHolder | undefined {
  return holder !== undefined && !isSelf(holder) && isAlive(holder) ? holder : undefined;
}

/** Undefined if another process holds it. */
async function openLevel(folder: string): Promise<Level | undefined> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const level: Level = new ClassicLevel(folder, OPTIONS);
  const first = await attempt(level);
  if (first === undefined) return level;
  if (isTaken(first)) return undefined;
  // The lock was free, and the store is empty, so missing or damaged files can be recreated.
  if (isOutOfSpace(first)) rmSync(join(folder, RESERVE), { force: true });
  else empty(folder);
  const second = await attempt(level);
  if (second === undefined) return level;
  if (isTaken(second)) return undefined;
  throw second;
}

async function attempt(level: Level): Promise<Error | undefined> {
  try {
    await level.open();
    return undefined;
  } catch (error) {
    const cause = isError(error) && isError(error.cause) ? error.cause : error;
    return isError(cause) ? cause : new Error(String(cause));
  }
}

/** By the system's message: the lock is held, as opposed to locks not being supported. */
function isTaken(error: Error): boolean {
  const isLock = 'code' in error && error.code === 'LEVEL_LOCKED';
  return isLock && !/no locks available|not supported|not implemented/i.test(error.message);
}

/** Except LOCK: another process may hold it by now, and its holder would become unknown. */
function empty(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!KEPT.includes(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function heldHere(): Set<string> {
  const shared = globalThis as { [HELD]?: Set<string> };
  shared[HELD] ??= new Set();
  return shared[HELD];
}

function idOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}`;
}

/**
 * Held by another thread of this process. Linux only; elsewhere threads cannot be distinguished.
 * Child processes inherit LevelDB's descriptors, so an open one alone proves nothing.
 */
function isHeldByThread(folder: string): boolean {
  const holder = readHolder(join(folder, HOLDER));
  return holder !== undefined && isSelf(holder) && isOpenHere(join(folder, LOCK));
}

function isOpenHere(path: string): boolean {
  if (!existsSync(path)) return false;
  const id = idOf(path);
  let handles: string[] = [];
  try {
    handles = readdirSync('/proc/self/fd');
  } catch {
    return false;
  }
  return handles.some((handle) => {
    try {
      const { dev, ino } = fstatSync(Number(handle), { bigint: true });
      return `${dev}:${ino}` === id;
    } catch {
      return false;
    }
  });
}
