/**
 * A joint read: keys of several shards as they were at one moment. Each shard answers at a moment
 * of its own; then each is asked whether its answer still holds. If all do, all were true at once,
 * between the last answer and the first question. No clock is involved.
 *
 * Keys that are written all the time would fail for ever, so after some rounds they are locked.
 */

import { CLIENT_LIMITS } from '../../base/client-limits.ts';
import type { ShardId } from '../../base/ids.ts';
import { MACHINE_LIMITS } from '../../base/limits.ts';
import type { Check, CheckRange, Command } from '../../machine/command.ts';
import { outputBytesMax } from '../../machine/reply.ts';
import type { Row } from '../../machine/row.ts';
import { absenceSince } from './absence.ts';
import type { GaveWay, ReadCall, Replied } from './call.ts';
import type { CallContext } from './call-context.ts';
import type { CallFailure } from './call-failure.ts';
import { Lookup, ReadRequest } from './read-request.ts';
import type { FailureMaker } from './shard-request.ts';
import type { TransactListener } from './transact-request.ts';
import { ValidateRequest } from './validate-request.ts';

/** Keys of one shard that are read and validated together. */
interface Lot {
  readonly shard: ShardId;
  /** Where they stand in the call. */
  readonly places: number[];
  bytes: number;
  isTrue: boolean;
}

export interface JointReadOptions {
  readonly call: ReadCall;
  readonly expiresAt: number;
  /** As they were read first, not all at one moment. */
  readonly rows: readonly (Row | undefined)[];
  /** The index through which the shard of each was applied then. */
  readonly seenAt: readonly number[];
  readonly context: CallContext;
  /** Begins a transaction that locks what it reads. */
  readonly transact: (command: Command, requester: TransactListener) => void;
}

export class JointRead {
  readonly #options: JointReadOptions;
  readonly #rows: (Row | undefined)[];
  readonly #seenAt: number[];
  readonly #lots: readonly Lot[];
  /** Answers that are still to come in this round. */
  #left = 0;
  #failedRounds = 0;
  #isOver = false;

  constructor(options: JointReadOptions) {
    this.#options = options;
    this.#rows = [...options.rows];
    this.#seenAt = [...options.seenAt];
    this.#lots = lotsOf(options.call.keys, (key) => options.context.routing.shardOf(key));
  }

  /** All of it was read; is it all still so? Asked only when the last answer is there. */
  validate(): void {
    const { call, expiresAt, context } = this.#options;
    this.#left = this.#lots.length;
    for (const lot of this.#lots) {
      const checks = lot.places.map((place) => this.#checkOf(place));
      const onAnswer = (failed: number | undefined): void => {
        lot.isTrue = failed === undefined;
        this.#judge();
      };
      const onFailure = (failureOf: FailureMaker) => this.#fail(failureOf(false));
      const { shard } = lot;
      const { level } = call;
      const requester = { call, onAnswer, onFailure };
      const { sessions } = context;
      context.submit(new ValidateRequest({ shard, level, checks, expiresAt, requester, sessions }));
    }
  }

  #checkOf(place: number): Check | CheckRange {
    const key = this.#options.call.keys[place] as Uint8Array;
    const row = this.#rows[place];
    if (row === undefined) return absenceSince(key, this.#seenAt[place] ?? 0);
    return { type: 'check-version', key, version: row.version };
  }

  #judge(): void {
    this.#left -= 1;
    if (this.#isOver || this.#left > 0) return;
    const changed = this.#lots.filter(({ isTrue }) => !isTrue);
    if (changed.length === 0) return this.#settle();
    this.#failedRounds += 1;
    const isTimeToLock = this.#failedRounds === CLIENT_LIMITS.jointReadRounds;
    if (isTimeToLock && this.#canBeLocked) this.#lock();
    else this.#readAgain(changed);
  }

  #readAgain(lots: readonly Lot[]): void {
    const { call, expiresAt, context } = this.#options;
    this.#left = lots.length;
    for (const { shard, places } of lots) {
      const lookup = new Lookup({
        call,
        keys: places.map((place) => call.keys[place] as Uint8Array),
        expiresAt,
        requester: {
          onRows: (_, { rows, seenAt }) => {
            for (const [at, place] of places.entries()) {
              this.#rows[place] = rows[at];
              this.#seenAt[place] = seenAt[at] ?? 0;
            }
            this.#left -= 1;
            if (!this.#isOver && this.#left === 0) this.validate();
          },
          onFailure: (_, failure) => this.#fail(failure),
        },
      });
      const request = new ReadRequest({ shard, level: call.level, sessions: context.sessions });
      for (const at of places.keys()) request.add(lookup, at);
      this.#submit(request);
    }
  }

  /** What cannot be locked is read until its time is over: more and more rarely. */
  #submit(request: ReadRequest): void {
    const { context } = this.#options;
    const roundsTooMany = this.#failedRounds - CLIENT_LIMITS.jointReadRounds;
    if (roundsTooMany < 0) context.submit(request);
    else context.submitLater(request, roundsTooMany);
  }

  /** What a transaction may read is little; what is known to be more is not asked for. */
  get #canBeLocked(): boolean {
    let bytes = 0;
    for (const row of this.#rows) bytes += outputBytesMax({ type: 'row', row });
    return bytes <= MACHINE_LIMITS.resultBytesMax;
  }

  #lock(): void {
    const { call, transact } = this.#options;
    transact(
      call.keys.map((key) => ({ type: 'get', key })),
      {
        call,
        onReply: (reply) => this.#take(reply),
        onFailure: (failure) => {
          if (failure.code === 'result-too-large') this.#readAgain(this.#lots);
          // What locks for reading changes nothing, whatever became of it.
          else this.#fail({ ...failure, outcome: 'notApplied' });
        },
      },
    );
  }

  #take(reply: Replied | GaveWay): void {
    // Gets alone are refused by nothing, so any other answer says nothing of them.
    if (reply.type !== 'replied' || reply.reply.type !== 'done') return this.#readAgain(this.#lots);
    for (const [place, output] of reply.reply.outputs.entries()) {
      if (output.type === 'row') this.#rows[place] = output.row;
    }
    this.#settle();
  }

  #settle(): void {
    this.#isOver = true;
    const { call, context } = this.#options;
    context.openCalls.settle(call, {
      type: 'rows',
      rows: this.#rows,
      seenAt: this.#seenAt,
      isOneMoment: true,
    });
  }

  #fail(failure: CallFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { call, context } = this.#options;
    context.openCalls.settle(call, failure);
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
