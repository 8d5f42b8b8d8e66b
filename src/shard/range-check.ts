/** Evaluates whether ranges are unchanged since a transaction saw them: one look at one moment. */

import type { CheckRange } from '../machine/command.ts';
import { decodeRow } from '../machine/row.ts';
import { SECTION } from '../machine/section.ts';
import {
  type StateCursor,
  StateDamage,
  type StateRow,
  type StateView,
} from '../storage/state/state.ts';
import type { ReadContext } from './read-moment.ts';

const SLICE = { rowsMax: 256, bytesMax: 256 * 1024 };

export interface PlacedRange {
  readonly range: CheckRange;
  /** Its position among the checks. */
  readonly position: number;
}

/** The first range that does not hold, or that all do. */
export type RangeVerdict = PlacedRange | 'hold' | 'late' | StateDamage;

interface RangeCheckOptions {
  readonly view: StateView;
  readonly ranges: readonly PlacedRange[];
  /** Of the view. */
  readonly moment: ReadContext;
  /** The requester no longer waits for the verdict. */
  readonly isLate: () => boolean;
  readonly done: (verdict: RangeVerdict) => void;
}

export class RangeCheck {
  readonly #options: RangeCheckOptions;
  #at = 0;
  #cursor: StateCursor | undefined;
  #count = 0;

  constructor(options: RangeCheckOptions) {
    this.#options = options;
  }

  proceed(): void {
    const { ranges, view } = this.#options;
    const placed = ranges[this.#at];
    if (placed === undefined) return this.#end('hold');
    if (this.#mayHaveLost(placed)) return this.#end(placed);
    const { key, to } = placed.range;
    this.#count = 0;
    this.#cursor = view.cursor({
      section: SECTION.values,
      from: key,
      to: to.length > 0 ? to : undefined,
      isReverse: false,
    });
    this.#next(placed);
  }

  /** One range after the other, because each may need the disk. */
  #mayHaveLost({ range: { key: from, to, seenAt: since } }: PlacedRange): boolean {
    const { recentDeletes, index: applied } = this.#options.moment;
    return recentDeletes?.mayHave({ from, to, since, applied }) ?? true;
  }

  #next(placed: PlacedRange): void {
    if (this.#options.isLate()) return this.#end('late');
    this.#cursor?.next(SLICE, (rows) => this.#take(placed, rows));
  }

  #take(placed: PlacedRange, rows: readonly StateRow[] | StateDamage): void {
    if (rows instanceof StateDamage) return this.#end(rows);
    const { count, seenAt } = placed.range;
    this.#count += rows.length;
    const isSame = rows.every(({ value }) => (decodeRow(value)?.version ?? 0) <= seenAt);
    if (!isSame || this.#count > count) return this.#end(placed);
    if (rows.length > 0) return this.#next(placed);
    if (this.#count < count) return this.#end(placed);
    this.#cursor?.close();
    this.#at += 1;
    this.proceed();
  }

  #end(verdict: RangeVerdict): void {
    this.#cursor?.close();
    this.#options.view.close();
    this.#options.done(verdict);
  }
}

/** The log time before which no key expires; 0 until the keys were scanned once. */
export function isOneKey({ key, to }: CheckRange): boolean {
  if (to.length !== key.length + 1 || to[key.length] !== 0) return false;
  return key.every((byte, at) => byte === to[at]);
}
