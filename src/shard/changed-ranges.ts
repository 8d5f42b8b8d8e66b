/**
 * Changed keys on their way to the streams that watch them. Applying a change costs at most a fixed
 * number of steps here, however many ranges hold its key and however many streams they have: the
 * rest is done in bounded steps later, in the turn of those who read.
 *
 * Invariant: an item whose range holds a key that changed is told of a position before the change,
 * or `before` of its range knows one.
 */

import type { Position } from '../raft/position.ts';
import type { WatchedRange, WatchedRanges } from './watched-ranges.ts';

interface ChangedKey<Item> {
  readonly key: Uint8Array;
  readonly before: Position;
  /** The last of its ranges that was found; undefined for none. */
  found: WatchedRange<Item> | undefined;
}

/** Items that are being told, one after the other, also those that come meanwhile. */
interface Round<Item> {
  readonly before: Position;
  readonly items: Iterator<Item>;
}

export interface TellingLimits {
  /** Items that are told, and ranges that are found for a key, in one step. */
  readonly stepsMax: number;
  /** Keys whose ranges were not looked for: with more of them all items are told. */
  readonly keysMax: number;
}

type Searchable<Item> = Pick<WatchedRanges<Item>, 'size' | 'visit'>;

interface Options<Item> {
  readonly limits: TellingLimits;
  readonly ranges: Searchable<Item>;
  /** All items of all ranges. */
  readonly items: Iterable<Item>;
  /** The item has not been told of changes behind this position. */
  readonly tell: (item: Item, before: Position) => void;
}

export class ChangedRanges<Item> {
  readonly #limits: TellingLimits;
  readonly #ranges: Searchable<Item>;
  readonly #items: Iterable<Item>;
  readonly #tell: (item: Item, before: Position) => void;
  /** Keys whose ranges were not all found yet, in the order in which they changed. */
  #keys: ChangedKey<Item>[] = [];
  /** Ranges that hold a changed key, and the position before the first of the changes. */
  readonly #changed = new Map<WatchedRange<Item>, Position>();
  /** The range whose items are being told. */
  #telling: (Round<Item> & { readonly range: WatchedRange<Item> }) | undefined;
  /** Too many keys had changed to look for the ranges of each, so every item is told. */
  #tellingAll: Round<Item> | undefined;
  /** And once more: it is never begun anew, so that the last items have their turn. */
  #tellingAgain: Position | undefined;
  /** What `note` may still do before the next `work`. */
  #left: number;

  constructor({ limits, ranges, items, tell }: Options<Item>) {
    this.#limits = limits;
    this.#left = limits.stepsMax;
    this.#ranges = ranges;
    this.#items = items;
    this.#tell = tell;
  }

  get isEmpty(): boolean {
    const isTelling = this.#telling !== undefined || this.#tellingAll !== undefined;
    return this.#keys.length === 0 && this.#changed.size === 0 && !isTelling;
  }

  /** A key was changed by the entry behind this position. Its bytes are copied if they are kept. */
  note(key: Uint8Array, before: Position): void {
    // Each range has changed already, before this key.
    if (this.#ranges.size === this.#changed.size) return;
    if (this.#keys.length === 0 && this.#left > 0) {
      const found = this.#find(key, before, undefined);
      if (found !== undefined) this.#keys.push({ key: key.slice(), before, found });
      return;
    }
    this.#keys.push({ key: key.slice(), before, found: undefined });
    if (this.#keys.length > this.#limits.keysMax) this.#tellAll();
  }

  /** Before everything in this range of which an item may not have been told; undefined if none. */
  before(range: WatchedRange<Item>): Position | undefined {
    const telling = this.#telling?.range === range ? this.#telling.before : undefined;
    const ofAll = [this.#tellingAll?.before, this.#tellingAgain, this.#keys[0]?.before];
    return [...ofAll, telling, this.#changed.get(range)].reduce(earlier);
  }

  /** Tells items, as far as one step goes. Returns how many were told and ranges found. */
  work(): number {
    const { stepsMax } = this.#limits;
    this.#left = stepsMax;
    while (this.#left > 0 && !this.isEmpty) {
      if (this.#tellingAll !== undefined) {
        if (this.#tellRound(this.#tellingAll)) this.#endRoundOfAll();
      } else if (this.#telling !== undefined) {
        if (this.#tellRound(this.#telling)) this.#telling = undefined;
      } else if (this.#changed.size > 0) this.#tellNext();
      else this.#findFirst();
    }
    const taken = stepsMax - this.#left;
    this.#left = stepsMax;
    return taken;
  }

  /** All items know by themselves that they were not told of everything. */
  clear(): void {
    this.#keys = [];
    this.#changed.clear();
    this.#telling = undefined;
    this.#tellingAll = undefined;
    this.#tellingAgain = undefined;
  }

  /** The range has no items any more. */
  forget(range: WatchedRange<Item>): void {
    this.#changed.delete(range);
  }

  /** Returns the range behind which the search goes on; undefined if all ranges were found. */
  #find(
    key: Uint8Array,
    before: Position,
    behind: WatchedRange<Item> | undefined,
  ): WatchedRange<Item> | undefined {
    let last: WatchedRange<Item> | undefined;
    const isComplete = this.#ranges.visit(key, { behind }, (range) => {
      if (!this.#changed.has(range)) this.#changed.set(range, before);
      this.#left -= 1;
      last = range;
      return this.#left > 0;
    });
    return isComplete ? undefined : last;
  }

  #findFirst(): void {
    const first = this.#keys[0];
    if (first === undefined) return;
    // Also if it has no ranges, the search took a step.
    this.#left -= 1;
    const found = this.#find(first.key, first.before, first.found);
    if (found === undefined) this.#keys.shift();
    else first.found = found;
  }

  #tellNext(): void {
    const next = this.#changed.entries().next().value;
    if (next === undefined) return;
    const [range, before] = next;
    this.#changed.delete(range);
    this.#telling = { range, before, items: range.items.values() };
  }

  /** Whatever is on its way is part of it, and everything later comes behind it. */
  #tellAll(): void {
    const [first] = this.#changed.values();
    const waiting = [this.#tellingAgain, this.#telling?.before, first, this.#keys[0]?.before];
    this.#tellingAgain = waiting.reduce(earlier);
    this.#keys = [];
    this.#changed.clear();
    this.#telling = undefined;
    if (this.#tellingAll === undefined) this.#endRoundOfAll();
  }

  #endRoundOfAll(): void {
    const before = this.#tellingAgain;
    this.#tellingAgain = undefined;
    const items = this.#items[Symbol.iterator]();
    this.#tellingAll = before && { before, items };
  }

  /** Returns whether no item is left. */
  #tellRound({ items, before }: Round<Item>): boolean {
    while (this.#left > 0) {
      this.#left -= 1;
      const { value, done } = items.next();
      if (done === true) return true;
      this.#tell(value, before);
    }
    return false;
  }
}

function earlier(one: Position | undefined, other: Position | undefined): Position | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.index <= other.index ? one : other;
}
