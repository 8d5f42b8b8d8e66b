/**
 * The tickets of a client: takes them, waits until they own their locks, and gives back those that
 * nothing waits for any more.
 */

import type { ShardId } from '../../../base/ids.ts';
import type { TicketState } from '../../../machine/reply.ts';
import type { Replied } from '../call.ts';
import { type CallFailure, PASSING_CODES } from '../call-failure.ts';
import { Listener, type RequestBody } from '../shard-request.ts';
import type { CoreWrite } from './core-write.ts';
import type { ElapsedClock } from './elapsed-clock.ts';
import type { KeptLease } from './kept-lease.ts';
import type { KeptLeases } from './kept-leases.ts';
import { awaitRequest, type TicketNews } from './lease-requests.ts';
import type { LeaseUse } from './lease-use.ts';
import { LEASE_KEEPING } from './limits.ts';
import { lockFailure, takenFailure, withoutLease } from './lock-failure.ts';
import { Returns } from './returns.ts';
import type { Granted, LockCall, OwnedLock, OwnTicket, UnlockCall } from './ticket-call.ts';
import type { TicketIds } from './ticket-ids.ts';

interface OwnTicketsOptions {
  readonly clock: ElapsedClock;
  readonly leases: KeptLeases;
  readonly ids: TicketIds;
  readonly shardOf: (key: Uint8Array) => ShardId;
  /** The greatest log time that an answer of the shard has told. */
  readonly heardTimeOf: (shard: ShardId) => number;
  readonly submit: (body: RequestBody) => void;
  readonly write: (write: CoreWrite) => void;
  /** Ends a call of the application. */
  readonly settle: (call: LockCall | UnlockCall, result: Settled) => void;
}

type Settled = CallFailure | Granted | { readonly type: 'unlocked' };

/**
 * - `asking`: the shard was asked for a ticket, and has not answered.
 * - `queued`: the ticket stands in the queue, and its leader was asked to tell when it is granted.
 * - `parked`: without a ticket, until the lease that the caller named is held again.
 * - `over`: the call has ended.
 */
type WaitState = 'asking' | 'queued' | 'parked' | 'over';

/** One call for a lock, until its ticket owns it or the call has failed. */
interface Wait {
  readonly call: LockCall;
  readonly shard: ShardId;
  /** The shard answers by then, or the call fails. */
  readonly expiresAt: number;
  /** From then on it stands in no queue. */
  readonly queuesUntil: number;
  state: WaitState;
  /** Another one after each end of a lease. */
  ticket: OwnTicket | undefined;
  /** In the queue, as it was told last. */
  position: number;
  listener: Listener<TicketNews> | undefined;
}

export class OwnTickets {
  readonly #options: OwnTicketsOptions;
  readonly #returns: Returns<OwnTicket>;
  readonly #waits = new Map<LockCall, Wait>();
  /** By lease, because they are lost with it. */
  readonly #owned = new Map<KeptLease, Set<OwnedLock>>();

  constructor(options: OwnTicketsOptions) {
    this.#options = options;
    const { write, heardTimeOf, clock } = options;
    this.#returns = new Returns<OwnTicket>({
      write,
      now: () => clock.now,
      commandOf: ({ name: key, id: ticket }) => [{ type: 'release', key, ticket }],
      timeoutOf: ({ lease }) => {
        return Math.min(lease.ttlMilliseconds, LEASE_KEEPING.endMillisecondsMax);
      },
      // It is released later than this, so after the last copy that could add the ticket.
      isLast: ({ doubtUntil, shard }) => doubtUntil === 0 || heardTimeOf(shard) > doubtUntil,
      // Its end takes the ticket.
      isNeedless: ({ lease }) => lease.state === 'ended',
      onReturned: (ticket) => this.#drop(ticket),
    });
  }

  get isBusy(): boolean {
    return this.#waits.size > 0 || !this.#returns.isIdle;
  }

  /** The number of locks that are owned. */
  get owned(): number {
    let count = 0;
    for (const locks of this.#owned.values()) count += locks.size;
    return count;
  }

  /** Required: there is a map. */
  start(call: LockCall, expiresAt: number): void {
    const wait: Wait = {
      call,
      shard: this.#options.shardOf(call.name),
      expiresAt,
      queuesUntil: this.#options.clock.now + call.waitMilliseconds,
      state: 'parked',
      ticket: undefined,
      position: 0,
      listener: undefined,
    };
    this.#waits.set(call, wait);
    this.#begin(wait);
  }

  release(call: UnlockCall): void {
    const { lock, timeoutMilliseconds } = call;
    const { settle } = this.#options;
    if (lock.loss !== undefined) return settle(call, { type: 'unlocked' });
    lock.loss = 'released';
    this.#owned.get(lock.ticket.lease)?.delete(lock);
    const onEnded = (failure: CallFailure | undefined) => {
      settle(call, failure ?? { type: 'unlocked' });
    };
    this.#returns.add(lock.ticket, { timeoutMilliseconds, onEnded });
  }

  abort(call: LockCall, failure: CallFailure): void {
    const wait = this.#waits.get(call);
    if (wait !== undefined) this.#giveUp(wait, failure);
  }

  tick(now: number): void {
    for (const wait of this.#waits.values()) {
      if (wait.state === 'asking' || now < wait.queuesUntil) continue;
      const { call, position, state } = wait;
      this.#giveUp(wait, state === 'parked' ? withoutLease(call) : takenFailure(call, position));
    }
    this.#returns.tick(now);
  }

  /** Its locks are lost unless it is held; calls that wait under it go on. */
  onLeaseChange(lease: KeptLease): void {
    if (lease.state !== 'held') this.#loseAll(lease, lease.state);
    for (const wait of this.#waits.values()) {
      const isParkedFor = wait.state === 'parked' && wait.call.lease === lease;
      const isQueuedUnder = wait.state === 'queued' && wait.ticket?.lease === lease;
      if (isParkedFor || (isQueuedUnder && lease.state === 'ended')) this.#begin(wait);
    }
  }

  /** The client will be closed: no call waits any more, or begins anew under another lease. */
  giveUpAll(failure: CallFailure): void {
    for (const wait of [...this.#waits.values()]) this.#giveUp(wait, failure);
  }

  close(failure: CallFailure): void {
    for (const wait of [...this.#waits.values()]) this.#end(wait, failure);
    this.#returns.close();
  }

  /** With a new ticket, at the end of the queue, under a lease that is held. */
  #begin(wait: Wait): void {
    const { leases, ids, clock } = this.#options;
    const { call, shard } = wait;
    const { name } = call;
    if (clock.now >= wait.expiresAt) return this.#giveUp(wait, takenFailure(call, wait.position));
    const lease = call.lease ?? leases.draw(call.ttlMilliseconds, clock.latest);
    lease.judge(clock.latest);
    this.#leave(wait);
    wait.state = 'parked';
    if (lease.state === 'ended') return this.#end(wait, withoutLease(call));
    if (lease.state === 'unsure') return;
    lease.users += 1;
    wait.ticket = { name, shard, id: ids.draw(), lease, doubtUntil: 0 };
    this.#ask(wait, wait.ticket);
  }

  #ask(wait: Wait, ticket: OwnTicket): void {
    const { leases, clock, write } = this.#options;
    const { call, shard } = wait;
    const { id, lease } = ticket;
    wait.state = 'asking';
    const use = leases.use([lease]);
    const { name: key, kind, permits, note } = call;
    const isWaiting = clock.now < wait.queuesUntil;
    const what = { lease: lease.referenceIn(shard), ticket: id, kind, permits, isWaiting, note };
    // A late copy takes effect while the lease is proven to live, or never.
    const proven = Math.min(lease.provenMilliseconds, lease.provenUntil - clock.latest);
    write({
      command: use.bind([{ type: 'acquire', key, ...what }]),
      timeoutMilliseconds: Math.max(1, Math.min(wait.expiresAt - clock.now, proven)),
      trace: use,
      settle: (result) => this.#answered(wait, ticket, use, result),
    });
  }

  #answered(wait: Wait, ticket: OwnTicket, use: LeaseUse, result: Replied | CallFailure): void {
    if (result.type === 'failed' && isInDoubt(result, use))
      ticket.doubtUntil = Math.max(ticket.doubtUntil, use.deadline);
    const isOpen = wait.ticket === ticket && wait.state === 'asking';
    const state = stateOf(result);
    if (isOpen && result.type === 'failed' && this.#mayAskAgain(wait, ticket, result)) {
      // The same ticket: its place counts if an earlier request was executed after all.
      return this.#ask(wait, ticket);
    }
    if (isOpen) wait.state = 'queued';
    if (state === 'none' && ticket.doubtUntil === 0) {
      if (isOpen) wait.ticket = undefined;
      this.#drop(ticket);
    } else if (!isOpen) this.#returns.add(ticket);
    if (!isOpen) return;
    if (result.type === 'failed') return this.#refused(wait, result);
    if (typeof state === 'string') return this.#giveUp(wait, takenFailure(wait.call, 0));
    if (state.fence > 0) return this.#granted(wait, ticket, state.fence);
    this.#queue(wait, ticket, state);
  }

  #mayAskAgain(wait: Wait, { lease }: OwnTicket, { code }: CallFailure): boolean {
    const { clock } = this.#options;
    return clock.now < wait.expiresAt && PASSING_CODES.has(code) && lease.state === 'held';
  }

  #refused(wait: Wait, failure: CallFailure): void {
    const isPassing = failure.code === 'lease-ended' || PASSING_CODES.has(failure.code);
    if (isPassing && this.#options.clock.now < wait.expiresAt) return this.#begin(wait);
    this.#giveUp(wait, lockFailure(wait.call, failure));
  }

  #queue(wait: Wait, ticket: OwnTicket, { position }: Pick<TicketState, 'position'>): void {
    const { clock, submit } = this.#options;
    const { call, queuesUntil } = wait;
    if (clock.now >= queuesUntil) return this.#giveUp(wait, takenFailure(call, position));
    wait.state = 'queued';
    if (position !== wait.position) call.onWait?.(position);
    wait.position = position;
    const isCurrent = () => wait.state === 'queued' && wait.ticket === ticket;
    const onAnswer = (news: TicketNews): boolean => {
      if (isCurrent()) this.#hear(wait, ticket, news);
      return true;
    };
    const onFailure = (failure: CallFailure): void => {
      if (!isCurrent()) return;
      const isLate = failure.code === 'timeout' && clock.now >= queuesUntil;
      const why = isLate ? takenFailure(call, wait.position) : lockFailure(call, failure);
      this.#giveUp(wait, why);
    };
    const terms = { call: undefined, expiresAt: queuesUntil };
    const listener = new Listener<TicketNews>(terms, onAnswer, onFailure);
    wait.listener = listener;
    const { name, shard, id } = ticket;
    const patienceMilliseconds =
      call.onWait === undefined
        ? LEASE_KEEPING.awaitMilliseconds
        : LEASE_KEEPING.positionMilliseconds;
    submit(awaitRequest({ shard, name, ticket: id, patienceMilliseconds, listener }));
  }

  #hear(wait: Wait, ticket: OwnTicket, { fence, position }: TicketNews): void {
    const { leases, clock } = this.#options;
    if (fence > 0) return this.#granted(wait, ticket, fence);
    if (position > 0) return this.#queue(wait, ticket, { position });
    // Only the end of its lease takes a ticket from the queue. The wait goes on by that.
    leases.lose(ticket.lease, clock.latest);
    if (wait.state === 'queued' && wait.ticket === ticket) this.#begin(wait);
  }

  /** A grant counts only while the lease is held: else the next owner may be there already. */
  #granted(wait: Wait, ticket: OwnTicket, fence: number): void {
    const { clock, settle } = this.#options;
    const { lease } = ticket;
    lease.judge(clock.latest);
    if (lease.state !== 'held') return this.#begin(wait);
    const lock: OwnedLock = { ticket, fence, loss: undefined, onLost: undefined };
    const locks = this.#owned.get(lease) ?? new Set<OwnedLock>();
    this.#owned.set(lease, locks.add(lock));
    wait.ticket = undefined;
    wait.state = 'over';
    this.#waits.delete(wait.call);
    settle(wait.call, { type: 'granted', lock });
  }

  #giveUp(wait: Wait, failure: CallFailure): void {
    this.#leave(wait);
    this.#end(wait, failure);
  }

  /** Gives its ticket back, unless an answer that decides about that is still to come. */
  #leave(wait: Wait): void {
    const { ticket, state, listener } = wait;
    wait.ticket = undefined;
    wait.listener = undefined;
    if (listener !== undefined) listener.isOver = true;
    if (ticket !== undefined && state !== 'asking') this.#returns.add(ticket);
  }

  #end(wait: Wait, failure: CallFailure): void {
    wait.state = 'over';
    this.#waits.delete(wait.call);
    this.#options.settle(wait.call, failure);
  }

  #loseAll(lease: KeptLease, loss: 'unsure' | 'ended'): void {
    const locks = this.#owned.get(lease);
    this.#owned.delete(lease);
    for (const lock of locks ?? []) {
      lock.loss = loss;
      this.#returns.add(lock.ticket);
    }
    // All of them are lost when the first owner is told: its listener may look at the others.
    for (const { onLost } of locks ?? []) onLost?.();
  }

  #drop({ lease }: OwnTicket): void {
    this.#options.leases.drop(lease);
  }
}

/**
 * Whether the shard may have added the ticket, or still will: a leader that finds the queue full
 * refuses one copy of the request, without an entry, and another copy may be executed.
 */
function isInDoubt({ outcome, code }: CallFailure, { copies }: LeaseUse): boolean {
  return outcome === 'unknown' || (code === 'lock-queue-full' && copies > 1);
}

/** What the shard says of a ticket that it was asked for; `none` if it has none. */
function stateOf(result: Replied | CallFailure): TicketState | 'none' | 'unknown' {
  if (result.type === 'failed') return result.outcome === 'notApplied' ? 'none' : 'unknown';
  const [output] = result.reply.type === 'done' ? result.reply.outputs : [];
  if (output?.type !== 'ticket') return 'unknown';
  return output.number === 0 ? 'none' : output;
}
