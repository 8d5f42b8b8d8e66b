/** Reads the state for those who were granted it. */

import type { ShardId } from '../base/ids.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { SECTION } from '../machine/section.ts';
import { type StateCursor, StateDamage, type StateRow, type StateView } from '../storage/state.ts';
import type { StateStore } from '../storage/state-store.ts';
import type { KeyRange } from '../wire/request.ts';
import type { Failure, RangeRow } from '../wire/response.ts';
import type { Asker } from './proposals.ts';
import type { Read } from './reads.ts';

const NO_BYTES = new Uint8Array();

interface Moment {
  readonly now: number;
  readonly time: number;
}

interface ReadServerOptions {
  readonly shard: ShardId;
  readonly store: StateStore;
  /** The state is not what it was: nobody may be sent here again. */
  readonly onDamage: () => void;
}

export class ReadServer {
  readonly #options: ReadServerOptions;
  readonly #shard: ShardId;
  readonly #store: StateStore;

  constructor(options: ReadServerOptions) {
    this.#options = options;
    this.#shard = options.shard;
    this.#store = options.store;
  }

  /** The state is what the read may see, now. */
  serve(read: Read, { now, time }: Moment): void {
    const { asker, what } = read;
    if (now > read.until) return fail(asker, 'too-late', time);
    try {
      if (what.type === 'keys') this.#serveKeys(asker, what.keys, time);
      else this.#serveRange(asker, what.range, time);
    } catch (error) {
      if (!(error instanceof StateDamage)) throw error;
      fail(asker, 'damaged', time);
      this.#options.onDamage();
    }
  }

  #serveKeys({ origin, id }: Asker, keys: readonly Uint8Array[], time: number): void {
    const rows: Uint8Array[] = [];
    let bytes = 0;
    for (const key of keys) {
      const row = this.#store.get(this.#shard, SECTION.values, key) ?? NO_BYTES;
      bytes += row.length;
      // Two payloads fit a frame; a single row is always within one.
      if (bytes > WIRE_LIMITS.payloadBytesMax) return fail({ origin, id }, 'too-much', time);
      rows.push(row);
    }
    origin.respond({ type: 'rows', id, time, rows });
  }

  #serveRange(asker: Asker, range: KeyRange, time: number): void {
    if (!this.#store.hasViews) return fail(asker, 'overloaded', time);
    const { onDamage } = this.#options;
    const view = this.#store.view(this.#shard);
    new RangeRead({ asker, range, time, view, onDamage }).proceed();
  }
}

interface RangeReadOptions {
  readonly asker: Asker;
  readonly range: KeyRange;
  readonly time: number;
  readonly view: StateView;
  readonly onDamage: () => void;
}

/** One page of a range: it stands still while the disk is asked for it. */
class RangeRead {
  readonly #options: RangeReadOptions;
  readonly #cursor: StateCursor;
  readonly #rowsMax: number;
  readonly #rows: RangeRow[] = [];
  #bytes = 0;
  #count = 0;
  #last: Uint8Array = NO_BYTES;

  constructor(options: RangeReadOptions) {
    this.#options = options;
    const { range, view } = options;
    const { from, to, isReverse } = range;
    this.#cursor = view.cursor({
      section: SECTION.values,
      from: from.length > 0 ? from : undefined,
      to: to.length > 0 ? to : undefined,
      isReverse,
    });
    this.#rowsMax = Math.max(1, Math.min(range.rowsMax, REQUEST_LIMITS.rowsMax));
  }

  proceed(): void {
    const limits = {
      rowsMax: this.#rowsMax - this.#count,
      bytesMax: REQUEST_LIMITS.rangeBytesMax - this.#bytes,
    };
    this.#cursor.next(limits, (rows) => this.#take(rows));
  }

  #take(rows: readonly StateRow[] | StateDamage): void {
    if (rows instanceof StateDamage) {
      this.#end('damaged');
      return this.#options.onDamage();
    }
    for (const row of rows) this.#add(row);
    const isFull = this.#count >= this.#rowsMax || this.#bytes >= REQUEST_LIMITS.rangeBytesMax;
    if (rows.length > 0 && !isFull) return this.proceed();
    this.#end(undefined, rows.length === 0);
  }

  #add({ key, value }: StateRow): void {
    const { answer } = this.#options.range;
    this.#count += 1;
    this.#last = key;
    this.#bytes += key.length + (answer === 'rows' ? value.length : 0);
    if (answer === 'rows') this.#rows.push({ key, row: value });
    else if (answer === 'keys') this.#rows.push({ key, row: NO_BYTES });
  }

  #end(failure: Failure | undefined, isEnd = false): void {
    const { asker, time, view } = this.#options;
    this.#cursor.close();
    view.close();
    if (failure !== undefined) return fail(asker, failure, time);
    const { origin, id } = asker;
    const [rows, count, last] = [this.#rows, this.#count, this.#last];
    origin.respond({ type: 'range', id, time, rows, count, last, isEnd });
  }
}

function fail({ origin, id }: Asker, failure: Failure, time: number): void {
  const retryAfterMilliseconds = failure === 'overloaded' ? 20 : 0;
  origin.respond({ type: 'failed', id, failure, time, leader: 0, retryAfterMilliseconds });
}
