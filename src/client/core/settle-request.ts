/** What became of a transaction: asked of its home shard, which ends it if it is not decided. */

import type { ShardId } from '../../base/ids.ts';
import { decodeReply, type Reply } from '../../machine/reply.ts';
import type { Participant } from '../../machine/transaction.ts';
import type { Contender } from '../../machine/transaction-id.ts';
import type { Request } from '../../wire/request.ts';
import type { Response } from '../../wire/response.ts';
import {
  BROKEN,
  newTrip,
  OVER,
  type ShardRequest,
  type Terms,
  type Verdict,
} from './shard-request.ts';

interface SettleOptions {
  /** The home shard. */
  readonly shard: ShardId;
  readonly contender: Contender;
  readonly participants: readonly Participant[];
  readonly expiresAt: number;
  /** The transaction was told by another answer meanwhile. */
  readonly isNeedless: () => boolean;
  readonly onReply: (reply: Reply) => void;
}

/** It tells what it learns, and nothing if it learns nothing in time. */
export class SettleRequest implements ShardRequest {
  readonly trip = newTrip();
  readonly level = undefined;
  readonly timesNeeded = [];
  readonly #options: SettleOptions;
  #isOver = false;

  constructor(options: SettleOptions) {
    this.#options = options;
  }

  get shard(): ShardId {
    return this.#options.shard;
  }

  get bytes(): number {
    return this.#options.participants.length * PARTICIPANT_BYTES;
  }

  get firstExpiresAt(): number {
    return this.#options.expiresAt;
  }

  get isOver(): boolean {
    return this.#isOver || this.#options.isNeedless();
  }

  toWire({ id }: Terms): Request {
    const { shard, contender, participants } = this.#options;
    return { type: 'settle', id, shard, contender, participants, isPreempting: true };
  }

  take(response: Response): Verdict {
    if (response.type !== 'written' || response.replies.length !== 1) return BROKEN;
    const reply = decodeReply(response.replies[0] as Uint8Array);
    if (reply === undefined) return BROKEN;
    if (!this.isOver) this.#options.onReply(reply);
    this.#isOver = true;
    return OVER;
  }

  expire(now: number): void {
    if (now >= this.#options.expiresAt) this.fail();
  }

  /** No call waits for it but by its transaction, which is told by itself. */
  drop(): void {}

  fail(): void {
    this.#isOver = true;
  }

  halves(): readonly ShardRequest[] {
    return [];
  }
}

const PARTICIPANT_BYTES = 20;
