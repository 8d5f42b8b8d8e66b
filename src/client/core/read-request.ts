/** Reads of keys: what one turn asks of one shard at one level, and the rows that come back. */

import type { ShardId } from '../../base/ids.ts';
import { decodeRow, type Row } from '../../machine/row.ts';
import type { ReadLevel, Request } from '../../wire/request.ts';
import type { Response } from '../../wire/response.ts';
import type { Call, Priority, ReadCall, RowsRead } from './call.ts';
import type { CallFailure } from './call-failure.ts';
import type { Sessions } from './sessions.ts';
import {
  BROKEN,
  type FailureMaker,
  newTrip,
  OVER,
  type ShardRequest,
  type Terms,
  type Trip,
  type Verdict,
} from './shard-request.ts';

/** Whoever asked: told once, of all rows or of a failure. */
export interface LookupListener {
  onRows(lookup: Lookup, result: RowsRead): void;
  onFailure(lookup: Lookup, failure: CallFailure): void;
}

interface LookupOptions {
  readonly call: ReadCall;
  readonly keys: readonly Uint8Array[];
  readonly expiresAt: number;
  readonly requester: LookupListener;
}

/** Keys of one call, which may lie in several shards. It is over when the last row has come. */
export class Lookup {
  readonly call: ReadCall;
  readonly keys: readonly Uint8Array[];
  readonly expiresAt: number;
  readonly #requester: LookupListener;
  readonly #rows: (Row | undefined)[];
  readonly #seenAt: number[];
  #left: number;
  /** What the first row came with. */
  #answer: RowsResponse | undefined;
  #isOneMoment = true;
  #isOver = false;

  constructor({ call, keys, expiresAt, requester }: LookupOptions) {
    this.call = call;
    this.keys = keys;
    this.expiresAt = expiresAt;
    this.#requester = requester;
    this.#rows = new Array(keys.length).fill(undefined);
    this.#seenAt = new Array(keys.length).fill(0);
    this.#left = keys.length;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What comes with one answer is as of one moment. */
  put(at: number, row: Row | undefined, answer: RowsResponse): void {
    if (this.#isOver) return;
    this.#answer ??= answer;
    this.#isOneMoment &&= this.#answer === answer;
    this.#rows[at] = row;
    this.#seenAt[at] = answer.index;
    this.#left -= 1;
    if (this.#left > 0) return;
    this.#isOver = true;
    const isOneMoment = this.#isOneMoment;
    const [rows, seenAt] = [this.#rows, this.#seenAt];
    this.#requester.onRows(this, { type: 'rows', rows, seenAt, isOneMoment });
  }

  give(failureOf: FailureMaker): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // Reads change nothing, whatever became of them.
    this.#requester.onFailure(this, failureOf(false));
  }
}

interface Slot {
  readonly lookup: Lookup;
  readonly at: number;
}

type RowsResponse = Extract<Response, { type: 'rows' }>;

const NO_SHARDS: readonly ShardId[] = [];

/** Nothing of it is lost by asking again, elsewhere or in halves. */
export class ReadRequest implements ShardRequest {
  readonly shard: ShardId;
  readonly trip: Trip;
  readonly level: ReadLevel;
  readonly timesNeeded = NO_SHARDS;
  /** For which what is read is reserved. */
  readonly reserver: Priority | undefined;
  readonly #sessions: Sessions;
  readonly #keys: Uint8Array[] = [];
  readonly #slots: Slot[] = [];
  /** No slot before it waits any more. */
  #overBelow = 0;
  /** By call, once one was given up: of many that give up no one is searched for. */
  #lookupOf: Map<ReadCall, Lookup> | undefined;
  #bytes = 0;
  #firstExpiresAt = Number.POSITIVE_INFINITY;
  #lastExpiresAt = 0;

  constructor(options: {
    readonly shard: ShardId;
    readonly level: ReadLevel;
    readonly reserver?: Priority | undefined;
    readonly sessions: Sessions;
    readonly trip?: Trip;
  }) {
    this.shard = options.shard;
    this.level = options.level;
    this.reserver = options.reserver;
    this.#sessions = options.sessions;
    this.trip = options.trip ?? newTrip();
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#keys.length;
  }

  get firstExpiresAt(): number {
    return this.#firstExpiresAt;
  }

  get isOver(): boolean {
    while (this.#slots[this.#overBelow]?.lookup.isOver === true) this.#overBelow += 1;
    return this.#overBelow === this.#slots.length;
  }

  add(lookup: Lookup, at: number): void {
    const key = lookup.keys[at] as Uint8Array;
    this.#keys.push(key);
    this.#slots.push({ lookup, at });
    lookup.call.request = this;
    this.#bytes += key.length + 5;
    if (lookup.expiresAt < this.#firstExpiresAt) this.#firstExpiresAt = lookup.expiresAt;
    if (lookup.expiresAt > this.#lastExpiresAt) this.#lastExpiresAt = lookup.expiresAt;
  }

  toWire({ id, epoch, now }: Terms): Request {
    const { shard, level } = this;
    const reserver = this.reserver && this.#sessions.reserverIn(shard, this.reserver, now);
    const patienceMilliseconds = Math.max(1, Math.ceil(this.#lastExpiresAt - now));
    const terms = { id, shard, epoch, level, patienceMilliseconds };
    const asked = { type: 'read', ...terms, keys: this.#keys } as const;
    return reserver === undefined ? asked : { ...asked, reserver };
  }

  take(response: Response, now: number): Verdict {
    if (response.type !== 'rows' || response.rows.length !== this.#slots.length) return BROKEN;
    // A replica that lags behind says what the time was.
    if (this.level.type !== 'stale') this.#sessions.hear(this.shard, response.time, now);
    const rows = response.rows.map((bytes) => (bytes.length === 0 ? undefined : decodeRow(bytes)));
    const isSound = rows.every((row, at) => row !== undefined || response.rows[at]?.length === 0);
    if (!isSound) return BROKEN;
    for (const [at, slot] of this.#slots.entries()) slot.lookup.put(slot.at, rows[at], response);
    return OVER;
  }

  expire(now: number, failureOf: FailureMaker): void {
    if (now < this.#firstExpiresAt) return;
    this.#firstExpiresAt = Number.POSITIVE_INFINITY;
    for (const { lookup } of this.#slots) {
      if (lookup.expiresAt <= now) lookup.give(failureOf);
      else this.#firstExpiresAt = Math.min(this.#firstExpiresAt, lookup.expiresAt);
    }
  }

  drop(call: Call, failureOf: FailureMaker): void {
    this.#lookupOf ??= new Map(this.#slots.map(({ lookup }) => [lookup.call, lookup]));
    this.#lookupOf.get(call as ReadCall)?.give(failureOf);
  }

  fail(failureOf: FailureMaker): void {
    for (const { lookup } of this.#slots) lookup.give(failureOf);
  }

  halves(): readonly ShardRequest[] {
    const middle = this.#slots.length >> 1;
    if (middle === 0) return [];
    const { shard, level, reserver } = this;
    const halves = [this.#slots.slice(0, middle), this.#slots.slice(middle)].map((slots) => {
      const trip: Trip = { ...this.trip, state: 'ready' };
      const half = new ReadRequest({ shard, level, reserver, sessions: this.#sessions, trip });
      for (const { lookup, at } of slots) if (!lookup.isOver) half.add(lookup, at);
      return half;
    });
    return halves.filter(({ count }) => count > 0);
  }
}
