/**
 * One page of a watched range, as of the moment when it is begun, in the encoding of changes: each
 * row is a set. A locked key is read as it is stored, because its change is sent when it is made.
 */

import { keyBehind } from '../base/bytes.ts';
import type { ShardId } from '../base/ids.ts';
import { REQUEST_LIMITS } from '../base/limits.ts';
import { NO_BYTES, Writer } from '../base/message-pack.ts';
import { WATCH_LIMITS } from '../base/watch-limits.ts';
import { writeChange } from '../machine/change-codec.ts';
import { decodeRow } from '../machine/row.ts';
import { SECTION } from '../machine/section.ts';
import {
  type StateCursor,
  StateDamage,
  type StateRow,
  type StateView,
} from '../storage/state/state.ts';
import type { StateStore } from '../storage/state/state-store.ts';
import type { FairQueue, Flow } from './fair-queue.ts';
import { FAIRNESS_LIMITS } from './fairness-limits.ts';

interface PageReadOptions {
  readonly shard: ShardId;
  /** Required: it has a view left. */
  readonly store: Pick<StateStore, 'view'>;
  readonly fair: Pick<FairQueue, 'list'>;
  /** The flow that is charged. */
  readonly share: Flow | undefined;
  readonly from: Uint8Array;
  /** No bytes for the end of the shard. */
  readonly to: Uint8Array;
  readonly keysOnly: boolean;
  /** Called once, unless the page is cancelled before; perhaps within `begin`. */
  readonly onDone: (page: Page | StateDamage) => void;
}

interface Page {
  readonly block: Uint8Array;
  readonly rows: number;
  /** The first key that was not read; undefined at the end of the range. */
  readonly cursor: Uint8Array | undefined;
}

/** Shared: a slice is encoded within one call. */
const writer = new Writer();

export class PageRead {
  readonly #options: PageReadOptions;
  readonly #view: StateView;
  readonly #cursor: StateCursor;
  readonly #blocks: Uint8Array[] = [];
  #bytes = 0;
  #rows = 0;
  /** Bytes of the rows that were read for it. */
  #read = 0;
  #last: Uint8Array = NO_BYTES;
  #isClosed = false;

  constructor(options: PageReadOptions) {
    this.#options = options;
    const { store, shard, share, from, to } = options;
    if (share !== undefined) share.ranges += 1;
    this.#view = store.view(shard);
    this.#cursor = this.#view.cursor({
      section: SECTION.values,
      from: from.length > 0 ? from : undefined,
      to: to.length > 0 ? to : undefined,
      isReverse: false,
    });
  }

  begin(): void {
    const { sliceRows: rowsMax, sliceBytes } = FAIRNESS_LIMITS;
    const bytesMax = Math.min(sliceBytes, WATCH_LIMITS.changesBytesMax - this.#bytes);
    this.#cursor.next({ rowsMax, bytesMax }, (rows) => this.#take(rows));
  }

  /** `onDone` is not called any more. */
  cancel(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { share, fair } = this.#options;
    this.#cursor.close();
    this.#view.close();
    if (share === undefined) return;
    share.ranges -= 1;
    // Another range of the flow may begin.
    fair.list(share);
  }

  #take(rows: readonly StateRow[] | StateDamage): void {
    if (this.#isClosed) return;
    if (rows instanceof StateDamage) return this.#end(rows);
    const { share } = this.#options;
    share?.charge(costOf(rows));
    if (rows.length === 0) return this.#finish(undefined);
    for (const { key, value } of rows) {
      if (!this.#write(key, value)) return this.#end(damageOf(this.#options.shard, key));
    }
    const block = writer.take();
    this.#blocks.push(block);
    this.#bytes += block.length;
    this.#rows += rows.length;
    // Without values a page says little of much.
    const isLong = this.#read >= REQUEST_LIMITS.rangeBytesMax;
    if (isLong || this.#bytes >= WATCH_LIMITS.changesBytesMax / 2)
      this.#finish(keyBehind(this.#last));
    else this.begin();
  }

  /** False for bytes that are no row. */
  #write(key: Uint8Array, value: Uint8Array): boolean {
    const row = decodeRow(value);
    if (row === undefined) {
      writer.clear();
      return false;
    }
    this.#last = key;
    this.#read += key.length + value.length;
    const sent = this.#options.keysOnly ? undefined : row.value;
    const about = { previous: 0, version: row.version, transaction: 0, isLast: true };
    writeChange(writer, { kind: 'set', key, value: sent, ...about });
    return true;
  }

  #finish(cursor: Uint8Array | undefined): void {
    const [only = NO_BYTES] = this.#blocks;
    const block = this.#blocks.length > 1 ? joined(this.#blocks, this.#bytes) : only;
    this.#end({ block, rows: this.#rows, cursor });
  }

  #end(page: Page | StateDamage): void {
    this.cancel();
    this.#options.onDone(page);
  }
}

function damageOf(shard: ShardId, key: Uint8Array): StateDamage {
  return new StateDamage({ shard, row: { section: SECTION.values, key } });
}

function joined(blocks: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const block of blocks) {
    whole.set(block, at);
    at += block.length;
  }
  return whole;
}

function costOf(rows: readonly StateRow[]): number {
  let cost: number = FAIRNESS_LIMITS.requestCost;
  for (const { key, value } of rows) cost += FAIRNESS_LIMITS.rowCost + key.length + value.length;
  return cost;
}
