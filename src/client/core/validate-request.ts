/** Whether checks of one shard hold, all at one moment, with nobody holding a key of them. */

import type { ShardId } from '../../base/ids.ts';
import type { Command } from '../../machine/command.ts';
import { decodeReply } from '../../machine/reply.ts';
import { encodeOperations } from '../../machine/transaction-codec.ts';
import type { ReadLevel, Request } from '../../wire/request.ts';
import type { Response } from '../../wire/response.ts';
import type { Call, Priority } from './call.ts';
import type { Sessions } from './sessions.ts';
import { isPassing, refusalOf } from './shard-refusal.ts';
import {
  BROKEN,
  type FailureMaker,
  meet,
  newTrip,
  OVER,
  type ShardRequest,
  type Terms,
  type Verdict,
} from './shard-request.ts';

/** Whoever asked: told once. */
interface ValidateAsker {
  readonly call: Call;
  /** The position of the check that does not hold; undefined if all do. */
  onAnswer(failed: number | undefined): void;
  onFailure(failureOf: FailureMaker): void;
}

interface ValidateOptions {
  readonly shard: ShardId;
  readonly level: ReadLevel;
  readonly checks: Command;
  readonly expiresAt: number;
  readonly requester: ValidateAsker;
  readonly sessions: Sessions;
  /** For which what is checked was reserved. */
  readonly reserver?: Priority | undefined;
}

export class ValidateRequest implements ShardRequest {
  readonly trip = newTrip();
  readonly timesNeeded = [];
  readonly #options: ValidateOptions;
  readonly #spelled: Uint8Array;
  #isOver = false;

  constructor(options: ValidateOptions) {
    this.#options = options;
    this.#spelled = encodeOperations(options.checks);
    options.requester.call.request = this;
  }

  get shard(): ShardId {
    return this.#options.shard;
  }

  get level(): ReadLevel {
    return this.#options.level;
  }

  get bytes(): number {
    return this.#spelled.length;
  }

  get firstExpiresAt(): number {
    return this.#options.expiresAt;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  toWire({ id, epoch, now }: Terms): Request {
    const { shard, level, expiresAt, reserver: priority, sessions } = this.#options;
    const patienceMilliseconds = Math.max(1, Math.ceil(expiresAt - now));
    const terms = { id, shard, epoch, level, patienceMilliseconds };
    const reserver = priority && sessions.reserverIn(shard, priority, now);
    const asked = { type: 'validate', ...terms, owner: undefined, checks: this.#spelled } as const;
    return reserver === undefined ? asked : { ...asked, reserver };
  }

  take(response: Response, now: number): Verdict {
    const { sessions, shard, checks } = this.#options;
    if (response.type !== 'written' || response.replies.length !== 1) return BROKEN;
    sessions.hear(shard, response.time, now);
    const reply = decodeReply(response.replies[0] as Uint8Array);
    switch (reply?.type) {
      case 'done':
        return this.#tell(undefined);
      case 'check-failed':
        return reply.position < checks.length ? this.#tell(reply.position) : BROKEN;
      case 'locked':
        meet(this.trip, checks[reply.position]?.key);
        return { type: 'again', why: 'locked', isContended: true };
      case 'refused': {
        const { reason } = reply;
        if (isPassing(reason)) {
          return { type: 'again', why: reason, isMapOld: reason === 'wrong-epoch' };
        }
        const { history: attempts } = this.trip;
        this.fail(() => refusalOf(reason, { attempts, key: undefined }));
        return OVER;
      }
      default:
        return BROKEN;
    }
  }

  expire(now: number, failureOf: FailureMaker): void {
    if (now >= this.#options.expiresAt) this.fail(failureOf);
  }

  /** The call may hang on other errands as well: it is told though this one is over. */
  drop(_call: Call, failureOf: FailureMaker): void {
    this.#isOver = true;
    this.#options.requester.onFailure(() => failureOf(false));
  }

  fail(failureOf: FailureMaker): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // It changes nothing, whatever became of it.
    this.#options.requester.onFailure(() => failureOf(false));
  }

  /** The answer is one word: it cannot be too much. */
  halves(): readonly ShardRequest[] {
    return [];
  }

  #tell(failed: number | undefined): Verdict {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#options.requester.onAnswer(failed);
    }
    return OVER;
  }
}
