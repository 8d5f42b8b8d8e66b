/**
 * The changes of a shard's latest entries, in the memory of one replica. Every replica applies the
 * same entries, so all keep the same changes, and differ only in how far back they reach.
 *
 * Invariant: it holds all changes of the entries behind the floor, through the head, and nothing
 * else. So whatever is missed or dropped moves the floor in the same step.
 */

import { assert } from '../base/assert.ts';
import { NO_BYTES, Writer } from '../base/message-pack.ts';
import {
  CHANGE_OVERHEAD_BYTES,
  isLastOf,
  keyOfChange,
  markLast,
  markWithoutValue,
  writeChange,
} from '../machine/change-codec.ts';
import type { Changes, KeyChange } from '../machine/key-change.ts';
import type { Position } from '../raft/position.ts';
import { SHARD_LIMITS } from './limits.ts';

export interface HistoryLimits {
  /** The changes of one entry: with more of them it counts as missed. */
  readonly entryBytesMax: number;
  /** Changes are kept and dropped in slabs of about this size. */
  readonly slabBytes: number;
}

/**
 * Whether it can be read behind a position: `gone` if changes behind it are missing, or if another
 * entry stands there; `ahead` if that entry was not applied here yet.
 */
type Coverage = 'yes' | 'gone' | 'ahead';

/** Behind an entry, and behind so many changes of the next one, matching or not. */
export interface HistoryCursor {
  readonly index: number;
  readonly sent: number;
}

export interface ScanLimits {
  /** Of the block; one change may be larger. */
  readonly bytesMax: number;
  /** How many changes are looked at; the group in progress is finished. */
  readonly changesMax: number;
  readonly keysOnly?: boolean;
}

export interface HistoryScan {
  /** The matching changes, encoded one behind the other. `isLast` is true of those that match. */
  readonly block: Uint8Array;
  readonly count: number;
  /** The last position of which everything that matches was sent; the head if nothing is left. */
  readonly through: Position;
  /**
   * Changes of the next entry that were sent or skipped: then the block has nothing of the entries
   * before. 0 for a scan that ends with an entry.
   */
  readonly sent: number;
  /** Changes that it looked at. */
  readonly scanned: number;
}

/** From this index on, entries are of this term. */
interface TermRun {
  readonly first: number;
  readonly term: number;
}

/** Whole entries in order: the index, the length of the changes, and the changes. */
interface Slab {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  length: number;
  last: number;
  /** Where each entry begins. */
  readonly entries: number[];
}

/** A change that a scan has found. */
interface Piece {
  readonly slab: Slab;
  readonly at: number;
  readonly length: number;
  isLast: boolean;
}

const ENTRY_HEADER_BYTES = 12;
/** The length of the change, and that of its part in front of the value. */
const CHANGE_HEADER_BYTES = 8;
const SLAB_BYTES_MIN = 4096;
/** Of an array element, and its share of a slab's objects. */
const PLACE_BYTES = 8;
const SLAB_OVERHEAD_BYTES = 256;

/** Shared: adding is synchronous. */
const writer = new Writer();

export class History {
  readonly #limits: HistoryLimits;
  #floor: Position;
  #head: Position;
  #terms: TermRun[];
  #slabs: Slab[] = [];
  #bytes = 0;

  constructor(position: Position, limits: HistoryLimits) {
    this.#limits = limits;
    this.#floor = position;
    this.#head = position;
    this.#terms = [{ first: position.index, term: position.term }];
  }

  /** The last position that it does not cover. */
  get floor(): Position {
    return this.#floor;
  }

  get head(): Position {
    return this.#head;
  }

  /** The memory that it takes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The changes of the next entry. They are copied. */
  add(position: Position, changes: Changes): void {
    const { index, term } = position;
    assert(index === this.#head.index + 1, 'a history sees every entry');
    assert(term >= this.#head.term, 'terms never fall');
    if (changes === 'unrecorded' || this.#isTooLarge(changes)) return this.reset(position);
    if (term > this.#head.term) this.#beginTerm({ first: index, term });
    this.#head = position;
    if (changes.length > 0) this.#keep(index, changes);
  }

  /** Everything through this position is missed: another state, or changes that are not kept. */
  reset(position: Position): void {
    this.#floor = position;
    this.#head = position;
    this.#terms = [{ first: position.index, term: position.term }];
    this.#slabs = [];
    this.#bytes = 0;
  }

  /** Drops the oldest entries, as many as fill a slab. Required: it has some. */
  trim(): void {
    const slab = this.#slabs.shift();
    assert(slab !== undefined, 'a history without changes takes no memory');
    this.#bytes -= bytesOf(slab);
    this.#raiseFloor({ index: slab.last, term: this.#termAt(slab.last) });
  }

  covers({ index, term }: Position): Coverage {
    if (index < this.#floor.index) return 'gone';
    // Terms never fall, so no entry of an earlier term is still to come.
    if (index > this.#head.index) return term < this.#head.term ? 'gone' : 'ahead';
    return term === this.#termAt(index) ? 'yes' : 'gone';
  }

  /** Required: the position of the cursor is covered. */
  scan(
    from: HistoryCursor,
    limits: ScanLimits,
    matches: (key: Uint8Array) => boolean,
  ): HistoryScan {
    assert(from.index >= this.#floor.index && from.index <= this.#head.index, 'it is covered');
    const scan = new Scanning(from, limits, matches);
    let isOver = false;
    for (let at = this.#firstBehind(from.index); at < this.#slabs.length && !isOver; at++) {
      isOver = scan.look(this.#slabs[at] as Slab);
    }
    const { index } = scan;
    const through = isOver ? { index, term: this.#termAt(index) } : this.#head;
    const { sent, scanned, pieces } = scan;
    const block = blockOf(pieces, limits.keysOnly === true);
    return { block, count: pieces.length, through, sent, scanned };
  }

  /** The first slab with an entry behind this index. */
  #firstBehind(index: number): number {
    let low = 0;
    let high = this.#slabs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#slabs[middle] as Slab).last > index) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #isTooLarge(changes: readonly KeyChange[]): boolean {
    let bytes = 0;
    for (const { key, value } of changes) {
      bytes += key.length + (value?.length ?? 0) + CHANGE_OVERHEAD_BYTES + CHANGE_HEADER_BYTES;
    }
    return bytes > this.#limits.entryBytesMax;
  }

  #keep(index: number, changes: readonly KeyChange[]): void {
    writer.clear();
    const ends: number[] = [];
    const heads: number[] = [];
    for (const change of changes) {
      heads.push(writeChange(writer, change));
      ends.push(writer.length);
    }
    const encoded = writer.since(0);
    const bytes = encoded.length + CHANGE_HEADER_BYTES * changes.length;
    const slab = this.#slabFor(ENTRY_HEADER_BYTES + bytes);
    const { view } = slab;
    slab.entries.push(slab.length);
    this.#bytes += PLACE_BYTES;
    view.setFloat64(slab.length, index);
    view.setUint32(slab.length + 8, bytes);
    let at = slab.length + ENTRY_HEADER_BYTES;
    let begin = 0;
    for (const [number, end] of ends.entries()) {
      view.setUint32(at, end - begin);
      view.setUint32(at + 4, heads[number] as number);
      slab.bytes.set(encoded.subarray(begin, end), at + CHANGE_HEADER_BYTES);
      at += CHANGE_HEADER_BYTES + end - begin;
      begin = end;
    }
    slab.length = at;
    slab.last = index;
  }

  /** The last slab, or another one: an entry is never split. */
  #slabFor(bytes: number): Slab {
    const last = this.#slabs.at(-1);
    if (last !== undefined && last.length + bytes <= last.bytes.length) return last;
    const { slabBytes } = this.#limits;
    // A shard with few changes takes little memory: slabs grow with what is there.
    const usual = Math.min(slabBytes, Math.max(SLAB_BYTES_MIN, 2 * (last?.bytes.length ?? 0)));
    const buffer = new Uint8Array(Math.max(bytes, usual));
    const view = new DataView(buffer.buffer);
    const slab = { bytes: buffer, view, length: 0, last: 0, entries: [] };
    this.#slabs.push(slab);
    this.#bytes += bytesOf(slab);
    return slab;
  }

  #beginTerm(run: TermRun): void {
    this.#terms.push(run);
    if (this.#terms.length <= SHARD_LIMITS.historyTermsMax) return;
    const [oldest, next] = this.#terms as [TermRun, TermRun, ...TermRun[]];
    this.#raiseFloor({ index: next.first - 1, term: oldest.term });
    this.#terms.shift();
    while (this.#slabs[0] !== undefined && this.#slabs[0].last <= this.#floor.index) {
      this.#bytes -= bytesOf(this.#slabs.shift() as Slab);
    }
  }

  #raiseFloor(floor: Position): void {
    this.#floor = floor;
    while (this.#terms[1] !== undefined && this.#terms[1].first <= floor.index) {
      this.#terms.shift();
    }
  }

  /** Required: between the floor and the head. */
  #termAt(index: number): number {
    let low = 0;
    let high = this.#terms.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#terms[middle] as TermRun).first <= index) low = middle;
      else high = middle - 1;
    }
    return (this.#terms[low] as TermRun).term;
  }
}

/** One pass over entries, until a limit. */
class Scanning {
  readonly #limits: ScanLimits;
  readonly #matches: (key: Uint8Array) => boolean;
  readonly pieces: Piece[] = [];
  /** The last entry that was looked at as a whole. */
  index: number;
  /** Of the next entry. */
  sent: number;
  scanned = 0;
  #bytes = 0;
  /** How many of the pieces are of whole entries. */
  #whole = 0;
  /** There are some of whole entries, or the entry ends here whose parts were sent before. */
  #hasWhole = false;
  /** The last matching change of the group in progress. */
  #open: Piece | undefined;

  constructor(from: HistoryCursor, limits: ScanLimits, matches: (key: Uint8Array) => boolean) {
    this.#limits = limits;
    this.#matches = matches;
    this.index = from.index;
    this.sent = from.sent;
  }

  /** The entries of a slab behind its index. Returns whether a limit is reached. */
  look(slab: Slab): boolean {
    for (let at = this.#firstIn(slab); at < slab.entries.length; at++) {
      const place = slab.entries[at] as number;
      const end = place + ENTRY_HEADER_BYTES + slab.view.getUint32(place + 8);
      if (this.#lookAt(slab, place + ENTRY_HEADER_BYTES, end)) return true;
      this.#hasWhole ||= this.sent > 0 || this.pieces.length > 0;
      this.index = slab.view.getFloat64(place);
      this.sent = 0;
    }
    return false;
  }

  #firstIn({ entries, view }: Slab): number {
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (view.getFloat64(entries[middle] as number) > this.index) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The changes of one entry, from the one on that was not sent. */
  #lookAt(slab: Slab, from: number, end: number): boolean {
    const { view, bytes } = slab;
    const { bytesMax, changesMax, keysOnly = false } = this.#limits;
    let number = 0;
    let isGroupOver = true;
    this.#whole = this.pieces.length;
    for (let at = from; at < end; number++) {
      const length = view.getUint32(at);
      const head = view.getUint32(at + 4);
      const change = at + CHANGE_HEADER_BYTES;
      at = change + length;
      const isLast = isLastOf(bytes, change);
      if (number >= this.sent) {
        if (isGroupOver && this.scanned >= changesMax) return this.#stopAt(number);
        this.scanned += 1;
        if (this.#matches(keyOfChange(bytes.subarray(change, change + head)))) {
          const taken = keysOnly ? head : length;
          const isFull = this.pieces.length > 0 && this.#bytes + taken > bytesMax;
          if (isFull) return this.#stopAt(number);
          this.#open = { slab, at: change, length: taken, isLast: false };
          this.pieces.push(this.#open);
          this.#bytes += taken;
        }
      }
      if (isLast && this.#open !== undefined) {
        this.#open.isLast = true;
        this.#open = undefined;
      }
      isGroupOver = isLast;
    }
    return false;
  }

  /** Only an entry that stands alone is split: readers could not tell its part from the others. */
  #stopAt(number: number): true {
    if (!this.#hasWhole) this.sent = number;
    else this.pieces.length = this.#whole;
    return true;
  }
}

function bytesOf({ bytes, entries }: Slab): number {
  return bytes.length + SLAB_OVERHEAD_BYTES + PLACE_BYTES * entries.length;
}

function blockOf(pieces: readonly Piece[], keysOnly: boolean): Uint8Array {
  if (pieces.length === 0) return NO_BYTES;
  const block = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const { slab, at: from, length, isLast } of pieces) {
    block.set(slab.bytes.subarray(from, from + length), at);
    markLast(block, at, isLast);
    if (keysOnly) markWithoutValue(block, at);
    at += length;
  }
  return block;
}
