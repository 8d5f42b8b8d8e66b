/**
 * A joint read: keys of several shards as they were at one moment. Each shard answers at a moment
 * of its own; then each is asked whether its answer still holds. If all do, all were true at once,
 * between the last answer and the first validation. No clock is involved.
 *
 * Keys that are written all the time would fail for ever, so after some rounds they are locked.
 */

import type { ShardId } from '../../base/ids.ts';
import { MACHINE_LIMITS } from '../../base/limits.ts';
import type { Check, CheckRange } from '../../machine/command.ts';
import { outputBytesMax } from '../../machine/reply.ts';
import type { Row } from '../../machine/row.ts';
import { CLIENT_LIMITS } from '../limits.ts';
import type { GaveWay, ReadCall, Replied, RowsRead } from './call.ts';
import type { CallFailure } from './call-failure.ts';
import { type CallContext, fanOut } from './fan-out.ts';
import { validateRequest } from './query-request.ts';
import { absenceSince } from './range.ts';
import { Lookup, ReadRequest } from './read-request.ts';
import { Listener } from './shard-request.ts';
import { NOTHING_SEEN } from './transact-request.ts';

/** Keys of one shard that are read and validated together. */
interface Lot {
  readonly shard: ShardId;
  /** Their positions in the call. */
  readonly places: number[];
  bytes: number;
  isTrue: boolean;
}

interface JointReadOptions {
  readonly call: ReadCall;
  readonly expiresAt: number;
  /** The first reads, not all as of one moment. */
  readonly first: RowsRead;
  readonly context: CallContext;
}

export class JointRead {
  readonly #options: JointReadOptions;
  readonly #rows: (Row | undefined)[];
  readonly #seenAt: number[];
  readonly #clocks: number[];
  readonly #lots: readonly Lot[];
  #failedRounds = 0;

  constructor(options: JointReadOptions) {
    this.#options = options;
    this.#rows = [...options.first.rows];
    this.#seenAt = [...options.first.seenAt];
    this.#clocks = [...options.first.clocks];
    this.#lots = lotsOf(options.call.keys, options.context.routing.shardOf);
  }

  /** Whether all that was read still holds. Called after the last answer to a read. */
  validate(): void {
    const { call, expiresAt, context } = this.#options;
    const { level } = call;
    fanOut<Lot, number | undefined>(
      {
        parts: this.#lots,
        call,
        expiresAt,
        request: ({ shard, places }, listener) => {
          const checks = places.map((place) => this.#checkOf(place));
          return validateRequest({ shard, level, checks, listener });
        },
        take: (lot, failed) => {
          lot.isTrue = failed === undefined;
          return 'part-done';
        },
        join: () => this.#judge(),
      },
      context,
    );
  }

  #checkOf(place: number): Check | CheckRange {
    const key = this.#options.call.keys[place] as Uint8Array;
    const row = this.#rows[place];
    if (row === undefined) return absenceSince(key, this.#seenAt[place] ?? 0);
    return { type: 'check-version', key, version: row.version };
  }

  #judge(): void {
    const changed = this.#lots.filter(({ isTrue }) => !isTrue);
    if (changed.length === 0) return this.#settle();
    this.#failedRounds += 1;
    const isTimeToLock = this.#failedRounds === CLIENT_LIMITS.jointReadRounds;
    if (isTimeToLock && this.#canBeLocked) this.#lock();
    else this.#readAgain(changed);
  }

  /** One lookup over all lots joins their rows. */
  #readAgain(lots: readonly Lot[]): void {
    const { call, expiresAt, context } = this.#options;
    const allPlaces = lots.flatMap(({ places }) => places);
    const keys = allPlaces.map((place) => call.keys[place] as Uint8Array);
    const lookup = new Lookup(
      { call, keys, expiresAt },
      {
        onRows: (_, { rows, seenAt, clocks }) => {
          for (const [at, place] of allPlaces.entries()) {
            this.#rows[place] = rows[at];
            this.#seenAt[place] = seenAt[at] ?? 0;
            this.#clocks[place] = clocks[at] ?? 0;
          }
          this.validate();
        },
        onFailure: (_, failure) => context.openCalls.settle(call, failure),
      },
    );
    // Keys that cannot be locked are read until the timeout, more and more rarely.
    const roundsTooMany = this.#failedRounds - CLIENT_LIMITS.jointReadRounds;
    let at = 0;
    for (const { shard, places } of lots) {
      const request = new ReadRequest({ shard, level: call.level, reserver: undefined });
      for (let left = places.length; left > 0; left--) request.add(lookup, at++);
      context.submit(request, roundsTooMany < 0 ? undefined : roundsTooMany);
    }
  }

  /** A transaction may read only few bytes. */
  get #canBeLocked(): boolean {
    let bytes = 0;
    for (const row of this.#rows) bytes += outputBytesMax({ type: 'row', row });
    return bytes <= MACHINE_LIMITS.resultBytesMax;
  }

  #lock(): void {
    const { call, expiresAt, context } = this.#options;
    const onFailure = (failure: CallFailure): void => {
      if (failure.code === 'result-too-large') return this.#readAgain(this.#lots);
      // Locking for a read changes nothing, whatever became of it.
      context.openCalls.settle(call, { ...failure, outcome: 'notApplied' });
    };
    const onAnswer = (reply: Replied | GaveWay) => this.#take(reply);
    const listener = new Listener({ call, expiresAt }, onAnswer, onFailure);
    const command = call.keys.map((key) => ({ type: 'get', key }) as const);
    context.transact({ command, ...NOTHING_SEEN }, listener);
  }

  #take(reply: Replied | GaveWay): true {
    if (reply.type === 'replied' && reply.reply.type === 'done') {
      for (const [place, output] of reply.reply.outputs.entries()) {
        if (output.type === 'row') this.#rows[place] = output.row;
      }
      this.#settle();
      // Gets have no checks, so any other answer says nothing about them.
    } else this.#readAgain(this.#lots);
    return true;
  }

  #settle(): void {
    const { call, context } = this.#options;
    // Rows that were read under locks are of a time soon after that.
    const [rows, seenAt, clocks] = [this.#rows, this.#seenAt, this.#clocks];
    context.openCalls.settle(call, { type: 'rows', rows, seenAt, clocks, isOneMoment: true });
  }
}

/** No lot is more than one request may ask for. */
function lotsOf(keys: readonly Uint8Array[], shardOf: (key: Uint8Array) => ShardId): Lot[] {
  const lots: Lot[] = [];
  const open = new Map<ShardId, Lot>();
  for (const [place, key] of keys.entries()) {
    const shard = shardOf(key);
    let lot = open.get(shard);
    const isFull =
      lot !== undefined &&
      (lot.places.length >= CLIENT_LIMITS.readKeysMax || lot.bytes >= CLIENT_LIMITS.batchBytesMax);
    if (lot === undefined || isFull) {
      lot = { shard, places: [], bytes: 0, isTrue: false };
      open.set(shard, lot);
      lots.push(lot);
    }
    lot.places.push(place);
    lot.bytes += key.length;
  }
  return lots;
}
