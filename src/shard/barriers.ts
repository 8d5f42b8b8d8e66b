/**
 * Barriers: positions at or behind everything that was acknowledged before they were asked for.
 *
 * The ReadIndex round covers what one shard acknowledged. A transaction over several shards was
 * prepared here before it was acknowledged, so behind the round its part is either resolved, or in
 * the lock table. The barrier waits for the parts that are there then, and for no later ones: keys
 * that are always locked cannot hold it up for ever.
 */

import { Deadlines } from '../base/deadlines.ts';
import type { Prepared } from '../machine/lock-table.ts';
import type { Failure, Response } from '../wire/response.ts';
import { FairQuota } from './fair-quota.ts';
import { SHARD_LIMITS } from './limits.ts';
import { stampedProposal } from './proposal.ts';
import type { Requester } from './proposals.ts';
import type { Proposing } from './proposing.ts';
import type { Reading } from './reading.ts';
import type { ReplicaState } from './replica-state.ts';

export interface BarrierTerms {
  readonly requester: Requester;
  /** What transactions change in [from, to) counts; no bytes leave an end open. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  /** Changes behind the position are recorded. */
  readonly isRecording: boolean;
  /** Of the map that the requester had. */
  readonly epoch: number;
  /** In the node's monotone milliseconds: afterwards no answer is due. */
  readonly until: number;
}

interface Waiting {
  readonly terms: BarrierTerms;
  /** The parts that it waits for, each until its end. */
  readonly holders: Set<Prepared>;
}

export class Barriers {
  readonly #state: ReplicaState;
  readonly #proposing: Proposing;
  readonly #reading: Reading;
  /** They wait for the entry that lengthens the recording. */
  #recording: BarrierTerms[] = [];
  /** Invariant: one is in `#deadlines` and with each of its holders. */
  readonly #deadlines = new Deadlines<Waiting>();
  readonly #byHolder = new Map<Prepared, Set<Waiting>>();
  /** In the round of their reads. */
  #asked = 0;
  /** Invariant: as many as are unanswered. */
  readonly #portions = new FairQuota({ max: SHARD_LIMITS.barriersMax });

  constructor(state: ReplicaState, proposing: Proposing, reading: Reading) {
    this.#state = state;
    this.#proposing = proposing;
    this.#reading = reading;
  }

  /** Unanswered barriers. */
  get size(): number {
    return this.#recording.length + this.#asked + this.#deadlines.size;
  }

  /** One waits for this part to be resolved. */
  isAwaited(holder: Prepared): boolean {
    return this.#byHolder.has(holder);
  }

  /** Answered by the leader only. */
  add(terms: BarrierTerms): void {
    const { requester } = terms;
    const { share } = requester.responder;
    if (!this.#portions.admits(share)) return this.#state.fail(requester, 'overloaded');
    this.#portions.add(share);
    if (terms.isRecording && this.#isRecordingDue) this.#record(terms);
    else this.#confirm(terms);
  }

  tick(): void {
    for (const waiting of this.#deadlines.takeDue(this.#state.now)) {
      for (const holder of waiting.holders) this.#forget(waiting, holder);
      this.#fail(waiting.terms, 'held');
    }
  }

  /** These parts were resolved, or all were. */
  wake(freed: readonly Prepared[] | 'all'): void {
    if (this.#byHolder.size === 0) return;
    for (const holder of freed === 'all' ? [...this.#byHolder.keys()] : freed) {
      for (const waiting of [...(this.#byHolder.get(holder) ?? [])]) {
        this.#forget(waiting, holder);
        waiting.holders.delete(holder);
        if (waiting.holders.size > 0) continue;
        this.#deadlines.remove(waiting);
        this.#answer(waiting.terms);
      }
    }
  }

  /** Leadership is lost, or the shard is not served here any more. */
  end(failure: 'not-leader' | 'not-here'): void {
    const waiting = [...this.#deadlines.items()];
    this.#deadlines.clear();
    this.#byHolder.clear();
    for (const { terms } of waiting) this.#fail(terms, failure);
  }

  /** Half of the time has passed for which the shard records. */
  get #isRecordingDue(): boolean {
    const { machine, logTime } = this.#state;
    return machine.recordUntil - logTime < SHARD_LIMITS.recordMilliseconds / 2;
  }

  /** One entry for all that come before it is applied. */
  #record(terms: BarrierTerms): void {
    this.#recording.push(terms);
    if (this.#recording.length > 1) return;
    const { valueBytesMax } = this.#state.context;
    const respond = (response: Response) => this.#recorded(response);
    const milliseconds = SHARD_LIMITS.recordMilliseconds;
    this.#proposing.add(
      stampedProposal({
        requester: { responder: { respond }, id: 0 },
        epoch: terms.epoch,
        valueBytesMax,
        body: { type: 'record-changes', milliseconds },
      }),
    );
  }

  #recorded(response: Response): void {
    const all = this.#recording;
    this.#recording = [];
    // Whether the entry is in the log makes no difference to those that ask again.
    const isLost = response.type === 'failed' && response.failure === 'lost';
    for (const terms of all) {
      if (response.type !== 'failed') this.#confirm(terms);
      else this.#fail(terms, isLost ? 'not-leader' : response.failure);
    }
  }

  /** A read of no keys: served once everything acknowledged before is applied. */
  #confirm(terms: BarrierTerms): void {
    const { until } = terms;
    this.#asked += 1;
    const respond = (response: Response) => {
      this.#asked -= 1;
      if (response.type === 'failed') this.#fail(terms, response.failure);
      else this.#waitForParts(terms);
    };
    const what = { type: 'keys', keys: [] } as const;
    // Without the client's share: reads are dropped unanswered when their client goes.
    this.#reading.read({ requester: { responder: { respond }, id: 0 }, until, what });
  }

  #waitForParts(terms: BarrierTerms): void {
    const { lockTable } = this.#state;
    const locks = lockTable?.within(terms.from, terms.to) ?? [];
    const holders = new Set(locks.map(({ holder }) => holder));
    if (holders.size === 0) return this.#answer(terms);
    const waiting = { terms, holders };
    this.#deadlines.add(waiting, terms.until);
    for (const holder of holders) {
      const others = this.#byHolder.get(holder);
      if (others === undefined) this.#byHolder.set(holder, new Set([waiting]));
      else others.add(waiting);
      this.#proposing.waitFor(holder, false);
    }
  }

  #forget(waiting: Waiting, holder: Prepared): void {
    const others = this.#byHolder.get(holder);
    others?.delete(waiting);
    if (others?.size === 0) this.#byHolder.delete(holder);
  }

  #answer({ requester }: BarrierTerms): void {
    const { position, logTime: time } = this.#state;
    const { responder, id } = requester;
    this.#portions.remove(responder.share);
    responder.respond({ type: 'barrier', id, time, ...position });
  }

  #fail({ requester }: BarrierTerms, failure: Failure): void {
    this.#portions.remove(requester.responder.share);
    this.#state.fail(requester, failure);
  }
}
