/** A scan: pages of all shards, merged in the order of keys, each key once. */

import { assert } from '../../base/assert.ts';
import { compareBytes } from '../../base/bytes.ts';
import type { ShardId } from '../../base/ids.ts';
import { decodeRow, type Row } from '../../machine/row.ts';
import type { ReadLevel } from '../../wire/request.ts';
import { CLIENT_LIMITS } from '../limits.ts';
import {
  type KeyRange,
  type RangeAnswer,
  type RangeQuestion,
  rangeBefore,
  rangeBehind,
} from './range.ts';
import type { OpenCall } from './shard-request.ts';

/** Asks for the next rows of a scan, one call at a time. */
export interface PageCall extends OpenCall<Page> {
  readonly type: 'page';
  readonly scan: Scan;
}

export interface Page {
  readonly type: 'page';
  /** In the order of the scan. Empty only at its end. */
  readonly rows: readonly ScannedRow[];
  readonly isEnd: boolean;
}

export interface ScannedRow {
  readonly key: Uint8Array;
  /** Undefined if only keys were asked for. */
  readonly row: Row | undefined;
  /** The clock of the client less the log time of the shard, when it was read. */
  readonly clock: number;
}

export interface ScanTerms {
  readonly range: KeyRange;
  readonly isReverse: boolean;
  readonly isKeysOnly: boolean;
  readonly level: ReadLevel;
  /** The most rows of all pages together. */
  readonly rowsMax: number;
  /** Called with every page, before any row of it is given. */
  readonly onPage?: (page: SeenPage) => void;
}

/** The rows of one shard in a range, as of one moment. */
export interface SeenPage {
  readonly shard: ShardId;
  readonly range: KeyRange;
  /** In the order of the scan. */
  readonly rows: readonly ScannedRow[];
  /** The applied index of the shard at that moment. */
  readonly seenAt: number;
}

/** How far one shard has been read. */
export interface ScanStream {
  readonly shard: ShardId;
  /** What has not been asked for; undefined after the end. */
  rest: KeyRange | undefined;
  /** Rows that have come, and the position of the first that was not given. */
  page: readonly ScannedRow[];
  at: number;
  /** The page after that one. */
  ahead: readonly ScannedRow[] | undefined;
  isAsked: boolean;
}

/**
 * Every page is as of one moment of one shard. A scan of several pages is not one snapshot: a key
 * that is written meanwhile is seen as it was before or as it is after, but never twice.
 *
 * At most two pages of each shard are in memory, one that is being given and one ahead. The next is
 * asked for only when the caller has begun the one before.
 */
export class Scan {
  readonly terms: ScanTerms;
  #streams: readonly ScanStream[] | undefined;
  #left: number;
  #waiting: PageCall | undefined;
  #expiresAt = 0;
  #isEnded = false;

  constructor(terms: ScanTerms) {
    this.terms = terms;
    this.#left = terms.rowsMax;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** The timeout of the latest call. */
  get expiresAt(): number {
    return this.#expiresAt;
  }

  /** The first call starts the scan. Required: one call at a time. */
  wait(call: PageCall, expiresAt: number, shards: readonly ShardId[]): void {
    assert(this.#waiting === undefined, 'a scan is asked for one page at a time');
    this.#waiting = call;
    this.#expiresAt = expiresAt;
    this.#streams ??= shards.map((shard) => {
      const { range: rest } = this.terms;
      return { shard, rest, page: [], at: 0, ahead: undefined, isAsked: false };
    });
  }

  /** The waiting call and its page, if there is one now. */
  give(): { readonly call: PageCall; readonly page: Page } | undefined {
    const call = this.#waiting;
    if (call === undefined) return undefined;
    const rows = this.#merge();
    if (rows === undefined) return undefined;
    this.#left -= rows.length;
    const isEnd = rows.length === 0 || this.#left === 0;
    if (isEnd) this.#isEnded = true;
    this.#waiting = undefined;
    return { call, page: { type: 'page', rows, isEnd } };
  }

  /** Returns the waiting call to fail it. Rows stay, and the next call goes on there. */
  giveUp(): PageCall | undefined {
    const call = this.#waiting;
    this.#waiting = undefined;
    return call;
  }

  /** Streams whose next page is to be asked for now, and counts as asked for afterwards. */
  takeHungry(): readonly ScanStream[] {
    if (this.#isEnded || this.#streams === undefined) return [];
    // The next page is asked for as soon as this one is begun.
    const hungry = this.#streams.filter(({ rest, isAsked, ahead, page, at }) => {
      return rest !== undefined && !isAsked && ahead === undefined && (at > 0 || page.length === 0);
    });
    for (const stream of hungry) stream.isAsked = true;
    return hungry;
  }

  /** The next page of a stream. */
  questionOf({ rest }: ScanStream): RangeQuestion {
    const { range, isReverse, isKeysOnly } = this.terms;
    const rowsMax = Math.max(1, Math.min(CLIENT_LIMITS.pageRowsMax, this.#left));
    return { range: rest ?? range, isReverse, answer: isKeysOnly ? 'keys' : 'rows', rowsMax };
  }

  /** False if a row cannot be decoded. */
  take(stream: ScanStream, response: RangeAnswer): boolean {
    const rows: ScannedRow[] = [];
    const { clock } = response;
    for (const { key, row } of response.rows) {
      const decoded = this.terms.isKeysOnly ? undefined : decodeRow(row);
      if (!this.terms.isKeysOnly && decoded === undefined) return false;
      rows.push({ key, row: decoded, clock });
    }
    stream.isAsked = false;
    const { last, isEnd } = response;
    const { isReverse } = this.terms;
    const rest = stream.rest ?? this.terms.range;
    stream.rest = isEnd ? undefined : rangeBehind(rest, { last, isReverse });
    const range = stream.rest === undefined ? rest : rangeBefore(rest, stream.rest, isReverse);
    this.terms.onPage?.({ shard: stream.shard, range, rows, seenAt: response.index });
    if (stream.at < stream.page.length) stream.ahead = rows;
    else turnTo(stream, rows);
    return true;
  }

  end(): void {
    this.#isEnded = true;
    this.#streams = [];
  }

  /**
   * The rows that precede all that are still to come: a shard that has more cannot bring a key
   * before the last one that it has shown. Undefined while a shard has shown none.
   */
  #merge(): readonly ScannedRow[] | undefined {
    const streams = this.#streams ?? [];
    if (this.#isEnded || this.#left === 0) return [];
    let bound: Uint8Array | undefined;
    for (const { page, at, ahead, rest } of streams) {
      const hasMore = ahead !== undefined || rest !== undefined;
      const last = page.at(-1)?.key;
      if (at === page.length && hasMore) return undefined;
      if (last === undefined || !hasMore) continue;
      if (bound === undefined || this.#compare(last, bound) < 0) bound = last;
    }
    const rows: ScannedRow[] = [];
    for (const stream of streams) {
      const { page } = stream;
      let row = page[stream.at];
      while (row !== undefined && (bound === undefined || this.#compare(row.key, bound) <= 0)) {
        rows.push(row);
        stream.at += 1;
        row = page[stream.at];
      }
    }
    rows.sort((one, other) => this.#compare(one.key, other.key));
    for (const stream of streams) {
      if (stream.at === stream.page.length && stream.ahead !== undefined) {
        turnTo(stream, stream.ahead);
      }
    }
    return rows.length > this.#left ? rows.slice(0, this.#left) : rows;
  }

  #compare(one: Uint8Array, other: Uint8Array): number {
    return this.terms.isReverse ? compareBytes(other, one) : compareBytes(one, other);
  }
}

function turnTo(stream: ScanStream, rows: readonly ScannedRow[]): void {
  stream.page = rows;
  stream.at = 0;
  stream.ahead = undefined;
}
