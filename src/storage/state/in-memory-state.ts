/** The state store's disk in memory, for a store that leaves nothing on disk. */

import { assert } from '../../base/assert.ts';
import { compare } from '../files/byte-order.ts';
import { InMemoryRows, type RowChange } from './in-memory-rows.ts';
import type {
  DiskBatch,
  DiskCursor,
  DiskRange,
  DiskRow,
  DiskRows,
  DiskView,
  ReadLimits,
  StateDisk,
} from './state-disk.ts';

type Schedule = (report: () => void) => void;

/** What one opened disk may still do. */
interface Opened {
  isOpen: boolean;
}

/** Outlives the disks that are opened on it. */
export class InMemoryState {
  readonly #schedule: Schedule;
  #rows = new InMemoryRows();

  /** `schedule` runs a report later, never within the call. */
  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  open(): StateDisk {
    const opened: Opened = { isOpen: true };
    const later = (report: () => void) => {
      this.#schedule(() => {
        if (opened.isOpen) report();
      });
    };
    return {
      name: 'memory',
      isBlank: this.#rows.isEmpty,
      isShort: false,
      isSealed: false,
      get: (key) => this.#rows.find(key),
      getMany: (keys, done) => {
        const values = keys.map((key) => this.#rows.find(key));
        later(() => done(values));
      },
      batch: () => this.#batch(opened, later),
      view: () => viewOf(this.#rows, later),
      maintain: () => {},
      compact: later,
      flush: later,
      close: (done) => {
        opened.isOpen = false;
        this.#schedule(done);
      },
    };
  }

  #batch(opened: Opened, later: Schedule): DiskBatch {
    const changes: RowChange[] = [];
    return {
      put: (key, value) => {
        changes.push({ key: key.slice(), value: value.slice() });
      },
      delete: (key) => {
        changes.push({ key: key.slice(), value: undefined });
      },
      write: (done) => {
        assert(opened.isOpen, 'a closed disk is not written');
        this.#rows = this.#rows.with(changes);
        later(done);
      },
    };
  }
}

function viewOf(rows: InMemoryRows, later: Schedule): DiskView {
  const view = { isOpen: true };
  return {
    get: (key) => {
      assert(view.isOpen, 'a view that is read is open');
      return rows.find(key);
    },
    cursor: (range) => {
      assert(view.isOpen, 'a view that is read is open');
      return new InMemoryCursor({ rows: rowsIn(rows, range), view, later });
    },
    close: () => {
      view.isOpen = false;
    },
  };
}

function* rowsIn(rows: InMemoryRows, { from, to, isReverse }: DiskRange): Generator<DiskRow> {
  for (const row of isReverse ? rows.before(to) : rows.from(from)) {
    const [key] = row;
    if (isReverse ? compare(key, 0, from, 0) < 0 : compare(key, 0, to, 0) >= 0) return;
    yield row;
  }
}

interface CursorParts {
  readonly rows: Generator<DiskRow>;
  readonly view: { readonly isOpen: boolean };
  readonly later: Schedule;
}

class InMemoryCursor implements DiskCursor {
  readonly #parts: CursorParts;
  #isClosed = false;

  constructor(parts: CursorParts) {
    this.#parts = parts;
  }

  next({ rowsMax, bytesMax }: ReadLimits, done: (rows: DiskRows) => void): void {
    assert(!this.#isClosed, 'a cursor that is read is open');
    const { rows, view, later } = this.#parts;
    later(() => {
      if (this.#isClosed || !view.isOpen) return;
      const found: DiskRow[] = [];
      let bytes = 0;
      while (found.length < rowsMax && (bytes < bytesMax || found.length === 0)) {
        const { done: isEnd, value: row } = rows.next();
        if (isEnd === true) break;
        found.push(row);
        bytes += row[0].length + row[1].length;
      }
      done(found);
    });
  }

  close(): void {
    this.#isClosed = true;
  }
}
