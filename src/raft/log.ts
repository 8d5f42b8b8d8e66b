/**
 * The log of one shard as Raft sees it: the term of every index, and the entries not yet durable.
 */

import { assert, present } from '../base/assert.ts';
import { type LogEntry, sizeOf } from './message.ts';
import type { Position } from './position.ts';

/** The same term holds from `index` to the next run. */
export interface TermRun extends Position {}

export interface EntryRange {
  readonly from: number;
  readonly to: number;
  /** The maximal total `sizeOf`; the first entry is returned whatever its size. */
  readonly bytesMax: number;
}

/**
 * Entries that were handed over in a `Write` are read back through this port.
 * - a list: at least the entry at `from`, consecutive, none beyond `to`;
 * - `damaged`: the entry at `from` was written and cannot be trusted;
 * - `later`: it has to be fetched first; ask again in a later turn.
 */
export interface EntryReader {
  read(range: EntryRange): readonly LogEntry[] | 'damaged' | 'later';
}

/** What the disk has of a log when it is opened. */
export interface RestoredLog {
  /** The position before the first entry: the end of a snapshot or of a truncation. */
  readonly base: Position;
  /** Rising in index and term; the first run begins at `base.index + 1`. */
  readonly runs: readonly TermRun[];
  readonly lastIndex: number;
  /** Entries whose position is known and whose content is lost. */
  readonly damaged: readonly number[];
}

/**
 * Invariants: base.index <= durable <= last; terms never fall; every entry above `durable` is in
 * memory; a durable entry is never reported durable under a term it was overwritten with.
 */
export class RaftLog {
  readonly #reader: EntryReader;
  #base: Position;
  #runs: TermRun[];
  #lastIndex: number;
  #durable: number;
  /** Entries from #tailStart through #lastIndex. */
  #tail: LogEntry[] = [];
  #tailStart: number;
  readonly #damaged: Set<number>;

  constructor(reader: EntryReader, restored: RestoredLog) {
    this.#reader = reader;
    this.#base = restored.base;
    this.#runs = [...restored.runs];
    this.#lastIndex = restored.lastIndex;
    this.#durable = restored.lastIndex;
    this.#tailStart = restored.lastIndex + 1;
    this.#damaged = new Set(restored.damaged);
    assert(this.#lastIndex >= this.#base.index, 'a log ends at or after its base');
  }

  get base(): Position {
    return this.#base;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get last(): Position {
    return { index: this.#lastIndex, term: this.lastTerm };
  }

  get lastTerm(): number {
    const run = this.#runs[this.#runs.length - 1];
    return run === undefined ? this.#base.term : run.term;
  }

  /** Everything through this index is on this replica's disk. */
  get durable(): number {
    return this.#durable;
  }

  get hasDamage(): boolean {
    return this.#damaged.size > 0;
  }

  /** The first index above `index` whose content is lost here. */
  firstDamagedAfter(index: number): number | undefined {
    let first: number | undefined;
    for (const at of this.#damaged)
      if (at > index && (first === undefined || at < first)) first = at;
    return first;
  }

  /** The last index through `index` whose content is lost here. */
  lastDamagedThrough(index: number): number | undefined {
    let last: number | undefined;
    for (const at of this.#damaged) if (at <= index && (last === undefined || at > last)) last = at;
    return last;
  }

  /** The term at an index; undefined where this log has nothing. */
  termAt(index: number): number | undefined {
    if (index === this.#base.index) return this.#base.term;
    if (index < this.#base.index || index > this.#lastIndex) return undefined;
    for (let at = this.#runs.length - 1; at >= 0; at--) {
      const run = this.#runs[at] as TermRun;
      if (run.index <= index) return run.term;
    }
    return undefined;
  }

  has(position: Position): boolean {
    return this.termAt(position.index) === position.term;
  }

  isDamagedAt(index: number): boolean {
    return this.#damaged.size > 0 && this.#damaged.has(index);
  }

  /** Raft's comparison of logs: a later last term, then a longer log (§5.4.1). */
  isUpToDate(other: Position): boolean {
    const term = this.lastTerm;
    return other.term > term || (other.term === term && other.index >= this.#lastIndex);
  }

  /**
   * The last position at or before `position` whose term is not above its term: the last place
   * where two diverging logs may agree. Skips a whole term at a time (§5.3).
   */
  couldAgreeAt(position: Position): Position {
    let index = Math.min(position.index, this.#lastIndex);
    while (index > this.#base.index) {
      const term = present(this.termAt(index), 'the index is inside the log');
      if (term <= position.term) return { index, term };
      index = this.#runStart(index) - 1;
    }
    return this.#base;
  }

  /** Adds entries right after the last one. */
  append(entries: readonly LogEntry[]): void {
    let term = this.lastTerm;
    let index = this.#lastIndex;
    for (const entry of entries) {
      index += 1;
      assert(entry.index === index, 'entries follow each other');
      assert(entry.term >= term, 'terms never fall');
      if (entry.term > term || this.#runs.length === 0)
        this.#runs.push({ index, term: entry.term });
      term = entry.term;
      this.#tail.push(entry);
    }
    this.#lastIndex = index;
  }

  /** Removes the entry at `index` and all later ones: they conflict with the leader's (§5.3). */
  cutFrom(index: number): void {
    assert(index > this.#base.index && index <= this.#lastIndex, 'the cut is inside the log');
    this.#lastIndex = index - 1;
    while (this.#runs.length > 0 && (this.#runs[this.#runs.length - 1] as TermRun).index >= index) {
      this.#runs.pop();
    }
    this.#durable = Math.min(this.#durable, index - 1);
    if (index <= this.#tailStart) {
      this.#tail = [];
      this.#tailStart = index;
    } else {
      this.#tail.length = index - this.#tailStart;
    }
    for (const damaged of this.#damaged) if (damaged >= index) this.#damaged.delete(damaged);
  }

  /** Drops everything through `index`, which stays known as a position. */
  cutThrough(index: number): void {
    assert(index <= this.#durable, 'only durable entries are truncated');
    if (index > this.#base.index) this.#cutHead(index);
  }

  /**
   * The same where a durable snapshot replaces the head, whether or not the head is durable here.
   */
  cutThroughSnapshot(end: Position): void {
    assert(this.has(end), 'the log has the end of the snapshot');
    if (end.index > this.#base.index) this.#cutHead(end.index);
    this.markDurable(end.index);
  }

  /** The whole log is replaced by a snapshot that ends at `base`. */
  restart(base: Position): void {
    this.#base = { index: base.index, term: base.term };
    this.#runs = [];
    this.#lastIndex = base.index;
    this.#durable = base.index;
    this.#tail = [];
    this.#tailStart = base.index + 1;
    this.#damaged.clear();
  }

  /** Everything through `index`, as it stands now, is on disk. */
  markDurable(index: number): void {
    if (index <= this.#durable) return;
    assert(index <= this.#lastIndex, 'only entries of the log become durable');
    this.#durable = index;
    const gone = index + 1 - this.#tailStart;
    if (gone <= 0) return;
    this.#tail = gone >= this.#tail.length ? [] : this.#tail.slice(gone);
    this.#tailStart = index + 1;
  }

  markDamaged(index: number): void {
    if (index > this.#base.index && index <= this.#lastIndex) this.#damaged.add(index);
  }

  markRepaired(index: number): void {
    this.#damaged.delete(index);
  }

  /** The entries from `index` to the end, none of them durable. */
  notDurableFrom(index: number): readonly LogEntry[] {
    assert(index >= this.#tailStart, 'an entry that is not durable is in memory');
    return index === this.#tailStart ? [...this.#tail] : this.#tail.slice(index - this.#tailStart);
  }

  /** Entries of a range, from memory or through the port. Never empty if it is a list. */
  read(range: EntryRange): readonly LogEntry[] | 'damaged' | 'later' {
    assert(range.from > this.#base.index, 'the range begins inside the log');
    assert(range.from <= range.to && range.to <= this.#lastIndex, 'the range ends inside the log');
    if (this.isDamagedAt(range.from)) return 'damaged';
    if (range.from < this.#tailStart) {
      let to = Math.min(range.to, this.#tailStart - 1);
      for (const damaged of this.#damaged) if (damaged > range.from) to = Math.min(to, damaged - 1);
      return this.#reader.read({ from: range.from, to, bytesMax: range.bytesMax });
    }
    const from = range.from - this.#tailStart;
    const to = range.to - this.#tailStart + 1;
    return this.#tail.slice(from, withinBytes(this.#tail, { from, to, bytesMax: range.bytesMax }));
  }

  #cutHead(index: number): void {
    const term = present(this.termAt(index), 'the cut is inside the log');
    while (this.#runs.length > 1 && (this.#runs[1] as TermRun).index <= index + 1) {
      this.#runs.shift();
    }
    if (index === this.#lastIndex) this.#runs = [];
    else this.#runs[0] = { index: index + 1, term: (this.#runs[0] as TermRun).term };
    this.#base = { index, term };
    for (const damaged of this.#damaged) if (damaged <= index) this.#damaged.delete(damaged);
  }

  #runStart(index: number): number {
    const run = this.#runs.findLast((candidate) => candidate.index <= index);
    return present(run, 'every index is in a run').index;
  }
}

/** The end of the entries that fit in the bytes; the first one always does. */
function withinBytes(entries: readonly LogEntry[], range: EntryRange): number {
  let bytes = 0;
  for (let at = range.from; at < range.to; at++) {
    bytes += sizeOf(entries[at] as LogEntry);
    if (bytes > range.bytesMax && at > range.from) return at;
  }
  return range.to;
}
