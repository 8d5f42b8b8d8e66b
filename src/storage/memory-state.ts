/** The twin of the state disk: in memory, with a crash that leaves what a disk would leave. */

import { assert } from '../base/assert.ts';
import { type SortedCursor, SortedMap, type SortedView } from './sorted-map.ts';
import type {
  DiskBatch,
  DiskCursor,
  DiskRow,
  DiskRows,
  DiskView,
  ReadLimits,
  StateDisk,
} from './state-disk.ts';

type Rows = SortedMap<Uint8Array | undefined>;

interface Change {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

interface MemoryStateOptions {
  /** Runs a report later, never now: the disk takes its time, and the caller says how much. */
  readonly schedule: (report: () => void) => void;
  /** Before anything happens to the disk; whoever models a crash throws. */
  readonly onEffect?: (effect: StateEffect) => void;
}

/**
 * - `submit`: a batch leaves; before this nothing of it can be on disk;
 * - `persist`: it is on disk, and nobody knows;
 * - `report`: it is about to be reported.
 */
export type StateEffect = 'submit' | 'persist' | 'report';

/** A medium that outlives the process; `open` begins a life, `crash` ends it. */
export class MemoryState {
  readonly #options: MemoryStateOptions;
  #rows: Rows = new SortedMap({ prefixBytes: 0 });
  #unfinished: readonly Change[] | undefined;
  #life = 0;
  /** The next write fails with this, as does everything after it. */
  fault: unknown;
  onFault: (cause: unknown) => void = () => {};

  constructor(options: MemoryStateOptions) {
    this.#options = options;
  }

  open(): StateDisk {
    this.crash({ keepsUnfinished: false });
    return new MemoryDisk(this, this.#life);
  }

  /** The batch that was on its way is there as a whole or not at all. */
  crash({ keepsUnfinished }: { readonly keepsUnfinished: boolean }): void {
    this.#life += 1;
    if (keepsUnfinished && this.#unfinished !== undefined) this.#persist(this.#unfinished);
    this.#unfinished = undefined;
    this.#sweep();
  }

  /** Changes bytes behind everybody's back; says whether there was such a row. */
  damage(key: Uint8Array, change: (value: Uint8Array) => Uint8Array | undefined): boolean {
    const value = this.#rows.get(key);
    if (value === undefined) return false;
    this.#rows.set(key, change(value.slice()));
    return true;
  }

  /** Everything that is there, for tests to look at. */
  rows(): DiskRow[] {
    return rowsOf(this.#rows.view());
  }

  isOf(life: number): boolean {
    return life === this.#life;
  }

  viewNow(): SortedView<Uint8Array | undefined> {
    return this.#rows.view();
  }

  schedule(life: number, report: () => void): void {
    this.#options.schedule(() => {
      if (this.isOf(life)) report();
    });
  }

  /** Safe to call twice: the second time there is nothing left to end. */
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
      this.#persist(changes);
      this.#unfinished = undefined;
      // LevelDB shows a batch some time before it reports it.
      this.schedule(life, () => {
        this.#options.onEffect?.('report');
        done();
      });
    });
  }

  #persist(changes: readonly Change[]): void {
    for (const { key, value } of changes) this.#rows.set(key, value);
  }

  /** A map forgets no keys; between two lives is the time for that. */
  #sweep(): void {
    const rows = this.rows();
    this.#rows = new SortedMap({ prefixBytes: 0 });
    for (const [key, value] of rows) this.#rows.set(key, value);
  }
}

class MemoryDisk implements StateDisk {
  readonly name = 'memory';
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
    return this.#medium.viewNow().get(key);
  }

  getMany(keys: readonly Uint8Array[], done: (values: (Uint8Array | undefined)[]) => void): void {
    const values = keys.map((key) => this.get(key));
    this.#later(() => done(values));
  }

  batch(): DiskBatch {
    const changes: Change[] = [];
    return {
      put: (key, value) => {
        changes.push({ key, value });
      },
      delete: (key) => {
        changes.push({ key, value: undefined });
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
    const rows = this.#medium.viewNow();
    const open = { isOpen: true };
    return {
      get: (key) => {
        assert(open.isOpen, 'a view that is read is open');
        return rows.get(key);
      },
      cursor: (range) => {
        assert(open.isOpen, 'a view that is read is open');
        return new MemoryCursor(rows.cursor(range), (report) => this.#later(report), open);
      },
      close: () => {
        open.isOpen = false;
      },
    };
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
  readonly #cursor: SortedCursor<Uint8Array | undefined>;
  readonly #schedule: (report: () => void) => void;
  readonly #view: { readonly isOpen: boolean };
  #isClosed = false;

  constructor(
    cursor: SortedCursor<Uint8Array | undefined>,
    schedule: (report: () => void) => void,
    view: { readonly isOpen: boolean },
  ) {
    this.#cursor = cursor;
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
        if (!this.#cursor.next()) break;
        const { key, value } = this.#cursor;
        if (value === undefined) continue;
        rows.push([key, value]);
        bytes += key.length + value.length;
      }
      done(rows);
    });
  }

  close(): void {
    this.#isClosed = true;
  }
}

function rowsOf(view: SortedView<Uint8Array | undefined>): DiskRow[] {
  const rows: DiskRow[] = [];
  const cursor = view.cursor({ from: undefined, to: undefined, isReverse: false });
  while (cursor.next()) {
    const { key, value } = cursor;
    if (value !== undefined) rows.push([key, value]);
  }
  return rows;
}
