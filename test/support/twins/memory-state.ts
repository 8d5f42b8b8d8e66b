/** The twin of the state disk: in memory, with the crashes of a disk. */

import { assert } from '../../../src/base/assert.ts';
import { compare } from '../../../src/storage/files/byte-order.ts';
import type {
  DiskBatch,
  DiskCursor,
  DiskRange,
  DiskRow,
  DiskRows,
  DiskView,
  ReadLimits,
  StateDisk,
} from '../../../src/storage/state/state-disk.ts';

/** In rising order of their keys. Never changed, only replaced, so it serves as a view. */
type Rows = readonly DiskRow[];

interface Change {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

interface MemoryStateOptions {
  /** Runs a report later, never within the call. */
  readonly schedule: (report: () => void) => void;
  /** Called before each effect; a test that models a crash throws. */
  readonly onEffect?: (effect: StateEffect) => void;
}

/**
 * - `submit`: a batch is submitted; before this nothing of it can be on disk;
 * - `persist`: it is on disk, and not reported;
 * - `report`: it is about to be reported.
 */
export type StateEffect = 'submit' | 'persist' | 'report';

/** A medium that outlives the process: `open` begins a process, `crash` ends it. */
export class MemoryState {
  readonly #options: MemoryStateOptions;
  #rows: Rows = [];
  /** Without the last batch: it is in LevelDB's log only, until the store is reopened. */
  #before: Rows = [];
  #unfinished: readonly Change[] | undefined;
  #life = 0;
  /** The next write fails with this, as do all after it. */
  fault: unknown;
  onFault: (cause: unknown) => void = () => {};

  constructor(options: MemoryStateOptions) {
    this.#options = options;
  }

  open(): StateDisk {
    this.crash({ keepsUnfinished: false });
    this.#before = this.#rows;
    return new MemoryDisk(this, this.#life);
  }

  /** The batch in flight remains completely or not at all. */
  crash({ keepsUnfinished }: { readonly keepsUnfinished: boolean }): void {
    this.#life += 1;
    if (keepsUnfinished && this.#unfinished !== undefined) this.#write(this.#unfinished);
    this.#unfinished = undefined;
  }

  /** The last batch of a closed store is damaged, and dropped when the store is opened. */
  loseLastBatch(): void {
    this.#rows = this.#before;
  }

  /** Changes a row without the store's knowledge; returns whether it exists. */
  damage(key: Uint8Array, change: (value: Uint8Array) => Uint8Array | undefined): boolean {
    const value = find(this.#rows, key);
    if (value === undefined) return false;
    this.#persist([{ key, value: change(value.slice()) }]);
    return true;
  }

  /** All rows, for tests. */
  rows(): Rows {
    return this.#rows;
  }

  /** Replaces all rows durably. */
  restore(rows: Rows): void {
    this.crash({ keepsUnfinished: false });
    this.#rows = rows;
    this.#before = rows;
  }

  isOf(life: number): boolean {
    return life === this.#life;
  }

  schedule(life: number, report: () => void): void {
    this.#options.schedule(() => {
      if (this.isOf(life)) report();
    });
  }

  /** Safe to call twice. */
  end(life: number, done: () => void): void {
    this.#options.schedule(() => {
      if (this.isOf(life)) this.crash({ keepsUnfinished: true });
      done();
    });
  }

  submit(life: number, changes: readonly Change[], done: () => void): void {
    assert(this.#unfinished === undefined, 'one batch is written at a time');
    this.#options.onEffect?.('submit');
    this.#unfinished = changes;
    this.schedule(life, () => {
      if (this.fault !== undefined) {
        this.#life += 1;
        this.onFault(this.fault);
        return;
      }
      this.#options.onEffect?.('persist');
      this.#write(changes);
      this.#unfinished = undefined;
      // LevelDB shows a batch some time before it reports it.
      this.schedule(life, () => {
        this.#options.onEffect?.('report');
        done();
      });
    });
  }

  #write(batch: readonly Change[]): void {
    this.#before = this.#rows;
    this.#persist(batch);
  }

  #persist(changes: readonly Change[]): void {
    const last = new Map<string, Change>();
    for (const change of changes) last.set(nameOf(change.key), change);
    const sorted = [...last.values()].sort((one, other) => compare(one.key, 0, other.key, 0));
    const rows: DiskRow[] = [];
    let at = 0;
    for (const { key, value } of sorted) {
      const end = placeOf(this.#rows, key);
      while (at < end) rows.push(this.#rows[at++] as DiskRow);
      if (isAt(this.#rows, at, key)) at += 1;
      if (value !== undefined) rows.push([key, value]);
    }
    while (at < this.#rows.length) rows.push(this.#rows[at++] as DiskRow);
    this.#rows = rows;
  }
}

class MemoryDisk implements StateDisk {
  readonly name = 'memory';
  readonly isShort = false;
  readonly isSealed = false;
  readonly isBlank: boolean;
  readonly #medium: MemoryState;
  readonly #life: number;
  #isClosed = false;

  constructor(medium: MemoryState, life: number) {
    this.#medium = medium;
    this.#life = life;
    this.isBlank = medium.rows().length === 0;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    assert(this.#medium.isOf(this.#life), 'a disk is read by the living');
    return find(this.#medium.rows(), key);
  }

  getMany(keys: readonly Uint8Array[], done: (values: (Uint8Array | undefined)[]) => void): void {
    const values = keys.map((key) => this.get(key));
    this.#later(() => done(values));
  }

  batch(): DiskBatch {
    const changes: Change[] = [];
    return {
      put: (key, value) => {
        changes.push({ key: key.slice(), value: value.slice() });
      },
      delete: (key) => {
        changes.push({ key: key.slice(), value: undefined });
      },
      write: (done) => {
        assert(this.#medium.isOf(this.#life), 'a disk is written by the living');
        this.#medium.submit(this.#life, changes, () => {
          if (!this.#isClosed) done();
        });
      },
    };
  }

  view(): DiskView {
    const rows = this.#medium.rows();
    const open = { isOpen: true };
    return {
      get: (key) => {
        assert(open.isOpen, 'a view that is read is open');
        return find(rows, key);
      },
      cursor: (range) => {
        assert(open.isOpen, 'a view that is read is open');
        return new MemoryCursor(rowsIn(rows, range), (report) => this.#later(report), open);
      },
      close: () => {
        open.isOpen = false;
      },
    };
  }

  maintain(): void {}

  compact(done: () => void): void {
    this.#later(done);
  }

  flush(done: () => void): void {
    this.#later(done);
  }

  close(done: () => void): void {
    this.#isClosed = true;
    this.#medium.end(this.#life, done);
  }

  #later(report: () => void): void {
    this.#medium.schedule(this.#life, () => {
      if (!this.#isClosed) report();
    });
  }
}

class MemoryCursor implements DiskCursor {
  readonly #rows: Rows;
  readonly #schedule: (report: () => void) => void;
  readonly #view: { readonly isOpen: boolean };
  #at = 0;
  #isClosed = false;

  constructor(
    rows: Rows,
    schedule: (report: () => void) => void,
    view: { readonly isOpen: boolean },
  ) {
    this.#rows = rows;
    this.#schedule = schedule;
    this.#view = view;
  }

  next({ rowsMax, bytesMax }: ReadLimits, done: (rows: DiskRows) => void): void {
    assert(!this.#isClosed, 'a cursor that is read is open');
    this.#schedule(() => {
      if (this.#isClosed || !this.#view.isOpen) return;
      const rows: DiskRow[] = [];
      let bytes = 0;
      while (rows.length < rowsMax && (bytes < bytesMax || rows.length === 0)) {
        const row = this.#rows[this.#at];
        if (row === undefined) break;
        this.#at += 1;
        rows.push(row);
        bytes += row[0].length + row[1].length;
      }
      done(rows);
    });
  }

  close(): void {
    this.#isClosed = true;
  }
}

function rowsIn(rows: Rows, { from, to, isReverse }: DiskRange): Rows {
  const found = rows.slice(placeOf(rows, from), placeOf(rows, to));
  return isReverse ? found.reverse() : found;
}

function find(rows: Rows, key: Uint8Array): Uint8Array | undefined {
  const at = placeOf(rows, key);
  return isAt(rows, at, key) ? rows[at]?.[1] : undefined;
}

function isAt(rows: Rows, at: number, key: Uint8Array): boolean {
  const row = rows[at];
  return row !== undefined && compare(row[0], 0, key, 0) === 0;
}

/** The number of rows before a key. */
function placeOf(rows: Rows, key: Uint8Array): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const [other] = rows[middle] as DiskRow;
    if (compare(other, 0, key, 0) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}
