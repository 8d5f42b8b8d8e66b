/**
 * One page of a range, slice by slice: it waits for the disk, and for its turn in the fair queue
 * before the next slice.
 */

import { compareBytes } from '../base/bytes.ts';
import { REQUEST_LIMITS } from '../base/limits.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import type { KeyLock } from '../machine/lock-table.ts';
import { SECTION } from '../machine/section.ts';
import {
  type StateCursor,
  StateDamage,
  type StateRow,
  type StateView,
} from '../storage/state/state.ts';
import type { RangeQuery } from '../wire/request.ts';
import type { Failure, RangeRow } from '../wire/response.ts';
import type { FairJob, FairQueue } from './fair-queue.ts';
import { FAIRNESS_LIMITS } from './fairness-limits.ts';
import { failRequester, type Requester } from './proposals.ts';

interface RangeReadOptions {
  readonly requester: Requester;
  readonly range: RangeQuery;
  readonly time: number;
  /** The view is as of it. */
  readonly index: number;
  readonly view: StateView;
  /** Locked keys of the range, as of the view. */
  readonly locks: readonly KeyLock[];
  readonly fair: Pick<FairQueue, 'add' | 'list'>;
  readonly onDamage: (damage: StateDamage) => Failure;
  /** The first key that it comes to is locked: the read waits for this holder. */
  readonly onHeld: (lock: KeyLock) => void;
}

/** It ends before the first locked key, which counts as not seen, present or not. */
export class RangeRead implements FairJob {
  /** Each slice is a job of its own. */
  readonly isOver = true;
  readonly #options: RangeReadOptions;
  readonly #cursor: StateCursor;
  readonly #rowsMax: number;
  /** Where it has to end. */
  readonly #lock: KeyLock | undefined;
  readonly #rows: RangeRow[] = [];
  #bytes = 0;
  #count = 0;
  #last: Uint8Array = NO_BYTES;
  #isStopped = false;

  constructor(options: RangeReadOptions) {
    this.#options = options;
    const { range, view, locks } = options;
    const { from, to, isReverse } = range;
    const { share } = options.requester.responder;
    if (share !== undefined) share.ranges += 1;
    this.#lock = isReverse ? locks.at(-1) : locks[0];
    this.#cursor = view.cursor({
      section: SECTION.values,
      from: from.length > 0 ? from : undefined,
      to: to.length > 0 ? to : undefined,
      isReverse,
    });
    this.#rowsMax = Math.max(1, Math.min(range.rowsMax, REQUEST_LIMITS.rowsMax));
  }

  /** Requests the next slice; its cost is known when it arrives. */
  run(): number {
    const limits = {
      rowsMax: Math.min(FAIRNESS_LIMITS.sliceRows, this.#rowsMax - this.#count),
      bytesMax: Math.min(FAIRNESS_LIMITS.sliceBytes, REQUEST_LIMITS.rangeBytesMax - this.#bytes),
    };
    this.#cursor.next(limits, (rows) => this.#take(rows));
    return 0;
  }

  drop(): void {
    this.#close();
  }

  #take(rows: readonly StateRow[] | StateDamage): void {
    const { requester, fair, onDamage } = this.#options;
    const { share } = requester.responder;
    if (rows instanceof StateDamage) {
      return this.#fail(onDamage(rows));
    }
    if (share?.isGone === true) return this.#close();
    share?.charge(costOf(rows));
    for (const row of rows) {
      this.#isStopped ||= this.#isBehindLock(row.key);
      if (this.#isStopped) break;
      this.#add(row);
    }
    const isAtEnd = rows.length === 0;
    const isFull = this.#count >= this.#rowsMax || this.#bytes >= REQUEST_LIMITS.rangeBytesMax;
    if (!isAtEnd && !isFull && !this.#isStopped) return fair.add(share, this, 'begun');
    const isCut = this.#lock !== undefined && (isAtEnd || this.#isStopped);
    if (isCut && this.#count === 0) return this.#yield();
    this.#answer(isAtEnd && this.#lock === undefined);
  }

  #isBehindLock(key: Uint8Array): boolean {
    if (this.#lock === undefined) return false;
    const order = compareBytes(key, this.#lock.key);
    return this.#options.range.isReverse ? order <= 0 : order >= 0;
  }

  #add({ key, value }: StateRow): void {
    const { answer } = this.#options.range;
    this.#count += 1;
    this.#last = key;
    this.#bytes += key.length + (answer === 'rows' ? value.length : 0);
    if (answer === 'rows') this.#rows.push({ key, row: value });
    else if (answer === 'keys') this.#rows.push({ key, row: NO_BYTES });
  }

  #answer(isEnd: boolean): void {
    const { requester, time, index } = this.#options;
    this.#close();
    const { responder, id } = requester;
    const [rows, count, last] = [this.#rows, this.#count, this.#last];
    responder.respond({ type: 'range', id, time, index, rows, count, last, isEnd });
  }

  #yield(): void {
    this.#close();
    if (this.#lock !== undefined) this.#options.onHeld(this.#lock);
  }

  #fail(failure: Failure): void {
    const { requester, time } = this.#options;
    this.#close();
    failRequester(requester, failure, time);
  }

  #close(): void {
    const { view, requester, fair } = this.#options;
    this.#cursor.close();
    view.close();
    const { share } = requester.responder;
    if (share === undefined) return;
    share.ranges -= 1;
    // Another range of the flow may begin.
    fair.list(share);
  }
}

function costOf(rows: readonly StateRow[]): number {
  let cost: number = FAIRNESS_LIMITS.requestCost;
  for (const { key, value } of rows) cost += FAIRNESS_LIMITS.rowCost + key.length + value.length;
  return cost;
}
