/** Barriers: a position of a shard at or behind everything that was acknowledged before. */

import type { ShardId } from '../../../base/ids.ts';
import type { CallFailure } from '../call-failure.ts';
import type { KeyRange } from '../range.ts';
import { OVER, type RequestBody, UNREADABLE } from '../shard-request.ts';
import type { LogPosition } from './watch-call.ts';

interface BarrierOptions {
  readonly shard: ShardId;
  readonly range: KeyRange;
  readonly expiresAt: number;
  /** The watch or the call that asks has ended. */
  readonly isNeedless: () => boolean;
  readonly onPosition: (position: LogPosition) => void;
  readonly onFailure: (failure: CallFailure) => void;
}

/**
 * The one that waits for it. A class, because every object literal with a getter has a hidden class
 * of its own, of half a kilobyte.
 */
class BarrierWaiter {
  readonly call = undefined;
  readonly expiresAt: number;
  readonly #options: BarrierOptions;
  #isAnswered = false;

  constructor(options: BarrierOptions) {
    this.expiresAt = options.expiresAt;
    this.#options = options;
  }

  get isOver(): boolean {
    return this.#isAnswered || this.#options.isNeedless();
  }

  fail(failure: CallFailure): void {
    if (this.isOver) return;
    this.#isAnswered = true;
    this.#options.onFailure(failure);
  }

  take(position: LogPosition): void {
    if (this.isOver) return;
    this.#isAnswered = true;
    this.#options.onPosition(position);
  }
}

/** The shard records its changes from the position on. Safe to send again. */
export function barrierRequest(options: BarrierOptions): RequestBody {
  const { shard, range, expiresAt } = options;
  const waiter = new BarrierWaiter(options);
  return {
    kind: 'barrier',
    shard,
    level: { type: 'linearizable' },
    waiters: [waiter],
    bytes: range.from.length + range.to.length,
    encode({ id, now, epochOf }) {
      const patienceMilliseconds = Math.max(1, Math.ceil(expiresAt - now));
      const { from, to } = range;
      const epoch = epochOf(shard);
      const isRecording = true;
      return { type: 'barrier', id, shard, epoch, from, to, isRecording, patienceMilliseconds };
    },
    take(response) {
      if (response.type !== 'barrier') return UNREADABLE;
      const { index, term } = response;
      waiter.take({ index, term });
      return OVER;
    },
  };
}
