/** The file system port in memory, with the crashes and faults of real disks. */

import { assert } from '../../../src/base/assert.ts';
import type { Random } from '../../../src/base/random.ts';
import type {
  FileDone,
  FileEntry,
  FileFault,
  FileRange,
  Files,
  FileWrite,
  SpaceDone,
} from '../../../src/storage/files/files.ts';
import { MemoryFile } from './memory-file.ts';
import { MemoryFolder } from './memory-folder.ts';

interface MemoryFilesOptions {
  /** The unit that a power loss keeps or loses. */
  readonly sectorBytes?: number;
  /** The size of all files together; a larger one fails with ENOSPC. */
  readonly capacity?: number;
  /** When operations complete; without it they wait for `step`. */
  readonly schedule?: (complete: () => void) => void;
  /** The same for calls that do not reach the disk. */
  readonly scheduleSoon?: (complete: () => void) => void;
}

/**
 * - `write`: refused, nothing of it is visible.
 * - `sync`: visible, as in a page cache, and never durable, whatever is synced later.
 * - `lost`: reported as durable, and nothing was written.
 * - `misdirected`: written `by` bytes from its place.
 */
type PlannedFault =
  | {
      readonly on: 'write' | 'sync' | 'read' | 'create' | 'rename' | 'remove' | 'folder';
      readonly errno: string;
    }
  | { readonly on: 'lost' }
  | { readonly on: 'misdirected'; readonly by: number };

interface Plan {
  readonly fault: PlannedFault;
  readonly name: string;
  left: number;
}

export class MemoryFiles implements Files {
  readonly #sectorBytes: number;
  readonly #schedule: (complete: () => void) => void;
  readonly #scheduleSoon: (complete: () => void) => void;
  readonly #folder = new MemoryFolder();
  #queue: (() => void)[] = [];
  #plans: Plan[] = [];
  /** Completions of an earlier process find another number. */
  #life = 0;
  capacity: number;
  /** The number of operations that were begun or completed. */
  effects = 0;
  /** The process dies when it would begin or complete the effect of this number. */
  dieAt = Number.POSITIVE_INFINITY;
  /** The number of written bytes. */
  bytesWritten = 0;

  constructor({ sectorBytes = 512, capacity, ...options }: MemoryFilesOptions = {}) {
    this.#sectorBytes = sectorBytes;
    this.capacity = capacity ?? Number.POSITIVE_INFINITY;
    this.#schedule = options.schedule ?? ((complete) => this.#queue.push(complete));
    this.#scheduleSoon = options.scheduleSoon ?? this.#schedule;
  }

  get isDead(): boolean {
    return this.effects >= this.dieAt;
  }

  /** The next `times` calls on files whose name begins with `name` fail. */
  plan(fault: PlannedFault, { name = '', times = 1 } = {}): void {
    this.#plans.push({ fault, name, left: times });
  }

  heal(): void {
    this.#plans = [];
  }

  /** Runs the next completion. Returns whether there was one. */
  step(): boolean {
    const complete = this.#queue.shift();
    complete?.();
    return complete !== undefined;
  }

  settle(): void {
    while (this.step());
  }

  /** The process is killed; its submitted writes remain in the page cache. */
  kill(): void {
    this.#life += 1;
    this.#queue = [];
    for (const file of this.#folder.files()) file.kill();
    this.dieAt = Number.POSITIVE_INFINITY;
  }

  /** The power fails: any legal subset of the operations in flight remains. */
  crash(random: Random): void {
    this.kill();
    for (const file of this.#folder.files()) file.crash(random, this.#sectorBytes);
    this.#folder.crash(random);
  }

  /** Flips bit `bit` of the byte at `offset`, at rest. */
  flip(name: string, offset: number, bit: number): void {
    this.#folder.get(name)?.flip(offset, bit);
  }

  /** Makes the sector at `offset` unreadable. */
  spoil(name: string, offset: number): void {
    const from = offset - (offset % this.#sectorBytes);
    this.#folder.get(name)?.spoil({ from, to: from + this.#sectorBytes });
  }

  /** Truncates or extends a file without its owner's knowledge. */
  resize(name: string, size: number): void {
    this.#folder.get(name)?.resize(size);
  }

  /** A copy of the visible content, to be restored later. */
  image(): Map<string, Uint8Array> {
    return this.#folder.image();
  }

  /** Replaces all content durably. */
  restore(image: ReadonlyMap<string, Uint8Array>): void {
    this.kill();
    this.#folder.restore(image);
  }

  list(): readonly FileEntry[] | FileFault {
    return this.#folder.list();
  }

  read({ name, offset, length }: FileRange): Uint8Array | FileFault {
    const file = this.#folder.get(name);
    const fault = this.#take('read', name);
    if (file === undefined) return faultAt('read', name, { offset, errno: 'ENOENT' });
    if (fault !== undefined) return faultAt('read', name, { offset, errno: fault });
    if (file.isSpoilt({ from: offset, to: offset + length }))
      return faultAt('read', name, { offset, errno: 'EIO' });
    return file.written.slice(offset, offset + length);
  }

  write({ name, offset, bytes }: FileWrite, done: FileDone): void {
    if (!this.#begin()) return;
    const end = (errno?: string) => {
      done(errno === undefined ? undefined : faultAt('write', name, { offset, errno }));
    };
    const file = this.#folder.get(name);
    const refused = file === undefined ? 'ENOENT' : this.#take('write', name);
    if (file === undefined || refused !== undefined) return this.#complete(() => end(refused));
    if (offset + bytes.length > file.written.length) {
      const grows = offset + bytes.length - file.written.length;
      if (this.#folder.size + grows > this.capacity) return this.#complete(() => end('ENOSPC'));
    }
    if (this.#take('lost', name) !== undefined) return this.#complete(() => end());
    const by = Number(this.#take('misdirected', name) ?? 0);
    this.bytesWritten += bytes.length;
    const write = file.write(offset + by, bytes.slice());
    this.#complete(() => {
      const failed = this.#take('sync', name);
      if (failed === undefined) file.sync(write);
      else file.fail(write);
      end(failed);
    });
  }

  create({ name, size }: FileEntry, done: FileDone): void {
    if (!this.#begin()) return;
    const errno = this.#take('create', name);
    const replaced = this.#folder.get(name)?.written.length ?? 0;
    const isFull = this.#folder.size - replaced + size > this.capacity;
    if (errno !== undefined || isFull) {
      const fault = faultAt('create', name, { errno: errno ?? 'ENOSPC' });
      return this.#complete(() => done(fault));
    }
    const file = new MemoryFile(size);
    this.#folder.create(name, file);
    this.#complete(() => {
      file.syncSize();
      done(undefined);
    });
  }

  rename({ from, to }: { readonly from: string; readonly to: string }, done: FileDone): void {
    if (!this.#begin()) return;
    const errno = this.#take('rename', from) ?? (this.#folder.get(from) ? undefined : 'ENOENT');
    if (errno === undefined) this.#folder.rename(from, to);
    const fault = errno === undefined ? undefined : faultAt('rename', from, { errno });
    this.#complete(() => done(fault));
  }

  remove(name: string, done: FileDone): void {
    if (!this.#begin()) return;
    const errno = this.#take('remove', name) ?? (this.#folder.get(name) ? undefined : 'ENOENT');
    if (errno === undefined) this.#folder.remove(name);
    const fault = errno === undefined ? undefined : faultAt('remove', name, { errno });
    this.#complete(() => done(fault));
  }

  syncFolder(done: FileDone): void {
    if (!this.#begin()) return;
    const mark = this.#folder.mark();
    this.#complete(() => {
      const errno = this.#take('folder', '');
      if (errno === undefined) this.#folder.sync(mark);
      done(errno === undefined ? undefined : faultAt('sync-folder', '..', { errno }));
    });
  }

  space(done: SpaceDone): void {
    if (!this.#begin()) return;
    const life = this.#life;
    this.#scheduleSoon(() => {
      if (life !== this.#life || !this.#begin()) return;
      done(Math.max(0, this.capacity - this.#folder.size));
    });
  }

  close(): void {}

  #begin(): boolean {
    if (this.isDead) return false;
    this.effects += 1;
    return true;
  }

  #complete(effect: () => void): void {
    const life = this.#life;
    let isDone = false;
    this.#schedule(() => {
      if (life !== this.#life || !this.#begin()) return;
      assert(!isDone, 'a call completes once');
      isDone = true;
      effect();
    });
  }

  /** The errno, or distance, that was planned for this call. */
  #take(on: PlannedFault['on'], name: string): string | undefined {
    const plan = this.#plans.find(
      (one) => one.fault.on === on && one.left > 0 && name.startsWith(one.name),
    );
    if (plan === undefined) return undefined;
    plan.left -= 1;
    if (plan.fault.on === 'lost') return 'lost';
    return plan.fault.on === 'misdirected' ? String(plan.fault.by) : plan.fault.errno;
  }
}

function faultAt(
  operation: FileFault['operation'],
  name: string,
  { offset = 0, errno }: { readonly offset?: number; readonly errno: string },
): FileFault {
  return { type: 'fault', operation, name, offset, errno };
}
