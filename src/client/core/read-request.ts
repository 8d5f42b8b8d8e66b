/** Reads of keys: what one turn asks of one shard at one level, and the rows that come back. */

import type { ShardId } from '../../base/ids.ts';
import { decodeRow, type Row } from '../../machine/row.ts';
import type { ReadLevel, Request } from '../../wire/request.ts';
import type { Response } from '../../wire/response.ts';
import type { Priority, ReadCall, RowsRead } from './call.ts';
import type { CallFailure } from './call-failure.ts';
import { readHeader } from './query-request.ts';
import {
  type AnswerContext,
  OVER,
  type RequestBody,
  type Terms,
  UNREADABLE,
  type Verdict,
  type Waiter,
} from './shard-request.ts';

/** Gets all rows or a failure, once. */
export interface LookupListener {
  onRows(lookup: Lookup, result: RowsRead): void;
  onFailure(lookup: Lookup, failure: CallFailure): void;
}

/** Keys of one call, which may be in several shards. It joins their rows. */
export class Lookup implements Waiter {
  readonly call: ReadCall;
  readonly keys: readonly Uint8Array[];
  readonly expiresAt: number;
  readonly #listener: LookupListener;
  readonly #rows: (Row | undefined)[];
  readonly #seenAt: number[];
  readonly #clocks: number[];
  #left: number;
  /** The response with the first row. */
  #response: RowsResponse | undefined;
  #isOneMoment = true;
  isOver = false;

  constructor(
    { call, keys, expiresAt }: Pick<Lookup, 'call' | 'keys' | 'expiresAt'>,
    listener: LookupListener,
  ) {
    this.call = call;
    this.keys = keys;
    this.expiresAt = expiresAt;
    this.#listener = listener;
    this.#rows = new Array(keys.length).fill(undefined);
    this.#seenAt = new Array(keys.length).fill(0);
    this.#clocks = new Array(keys.length).fill(0);
    this.#left = keys.length;
  }

  /** The rows of one response are as of one moment. */
  put(at: number, row: Row | undefined, { response, now }: RowsAnswer): void {
    if (this.isOver) return;
    this.#response ??= response;
    this.#isOneMoment &&= this.#response === response;
    this.#rows[at] = row;
    this.#seenAt[at] = response.index;
    this.#clocks[at] = now - response.time;
    this.#left -= 1;
    if (this.#left > 0) return;
    this.isOver = true;
    const isOneMoment = this.#isOneMoment;
    const [rows, seenAt, clocks] = [this.#rows, this.#seenAt, this.#clocks];
    this.#listener.onRows(this, { type: 'rows', rows, seenAt, clocks, isOneMoment });
  }

  fail(failure: CallFailure): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#listener.onFailure(this, failure);
  }
}

type RowsResponse = Extract<Response, { type: 'rows' }>;

interface RowsAnswer {
  readonly response: RowsResponse;
  readonly now: number;
}

/** It is safe to send it again, to another node or in halves. */
export class ReadRequest implements RequestBody {
  readonly kind = 'read';
  readonly shard: ShardId;
  readonly level: ReadLevel;
  /** The transaction for which what is read is reserved. */
  readonly reserver: Priority | undefined;
  /** One for each key, so a lookup may be here several times. */
  readonly waiters: Lookup[] = [];
  readonly #keys: Uint8Array[] = [];
  /** The position of each key in its lookup. */
  readonly #places: number[] = [];
  bytes = 0;
  #lastExpiresAt = 0;

  constructor({ shard, level, reserver }: Pick<ReadRequest, 'shard' | 'level' | 'reserver'>) {
    this.shard = shard;
    this.level = level;
    this.reserver = reserver;
  }

  get count(): number {
    return this.#keys.length;
  }

  add(lookup: Lookup, place: number): void {
    const key = lookup.keys[place] as Uint8Array;
    this.#keys.push(key);
    this.#places.push(place);
    this.waiters.push(lookup);
    this.bytes += key.length + 5;
    if (lookup.expiresAt > this.#lastExpiresAt) this.#lastExpiresAt = lookup.expiresAt;
  }

  encode(terms: Terms): Request {
    const { shard, level } = this;
    const header = readHeader(terms, shard, level, this.#lastExpiresAt);
    const reserver = this.reserver && terms.sessions.reserverIn(shard, this.reserver, terms.now);
    const asked = { type: 'read', ...header, keys: this.#keys } as const;
    return reserver === undefined ? asked : { ...asked, reserver };
  }

  take(response: Response, { now }: AnswerContext): Verdict {
    if (response.type !== 'rows' || response.rows.length !== this.count) return UNREADABLE;
    const rows = response.rows.map((bytes) => (bytes.length === 0 ? undefined : decodeRow(bytes)));
    const isSound = rows.every((row, at) => row !== undefined || response.rows[at]?.length === 0);
    if (!isSound) return UNREADABLE;
    const answer = { response, now };
    for (const [at, lookup] of this.waiters.entries()) {
      lookup.put(this.#places[at] as number, rows[at], answer);
    }
    return OVER;
  }

  halves(): readonly RequestBody[] {
    const middle = this.count >> 1;
    if (middle === 0) return [];
    const halves = [new ReadRequest(this), new ReadRequest(this)] as const;
    for (const [at, lookup] of this.waiters.entries()) {
      if (!lookup.isOver) halves[at < middle ? 0 : 1].add(lookup, this.#places[at] as number);
    }
    return halves.filter(({ count }) => count > 0);
  }
}
