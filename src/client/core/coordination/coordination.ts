/** Leases and locks of one client: the part of its core that keeps, takes and gives back. */

import type { ShardId } from '../../../base/ids.ts';
import type { Call, Writing } from '../call.ts';
import { type CallFailure, notApplied } from '../call-failure.ts';
import type { CloseReason } from '../port.ts';
import type { RequestBody } from '../shard-request.ts';
import type { CoreWrite } from './core-write.ts';
import { ElapsedClock } from './elapsed-clock.ts';
import type { KeptLease } from './kept-lease.ts';
import { KeptLeases } from './kept-leases.ts';
import { LEASE_KEEPING } from './limits.ts';
import { OwnTickets } from './own-tickets.ts';
import type { EndLeaseCall, UnlockCall } from './ticket-call.ts';
import { TicketIds } from './ticket-ids.ts';

/** Calls that give back or end something. */
type EndingCall = UnlockCall | EndLeaseCall;

export function isEnding(call: Call): call is EndingCall {
  return call.type === 'unlock' || call.type === 'end-lease';
}

interface CoordinationOptions {
  /** 16 random bytes. */
  readonly client: Uint8Array;
  readonly shardOf: (key: Uint8Array) => ShardId;
  readonly toldTimeOf: (shard: ShardId) => number;
  readonly submit: (body: RequestBody) => void;
  readonly write: (write: CoreWrite) => void;
  readonly settle: (call: Call, result: unknown) => void;
  /** For people only. */
  readonly onLeaseChange: (lease: KeptLease) => void;
}

export class ClientCoordination {
  readonly leases: KeptLeases;
  readonly tickets: OwnTickets;
  readonly #options: CoordinationOptions;
  readonly #clock = new ElapsedClock();
  /** It goes on when they are aborted. */
  readonly #ending = new Set<Call>();

  constructor(options: CoordinationOptions) {
    this.#options = options;
    const { client, shardOf, toldTimeOf: heardTimeOf, submit, write } = options;
    const settle = (call: Call, result: unknown) => this.#settle(call, result);
    const clock = this.#clock;
    const onChange = (lease: KeptLease) => {
      this.tickets.onLeaseChange(lease);
      options.onLeaseChange(lease);
    };
    const leases = new KeptLeases({ clock, client, shardOf, submit, write, onChange });
    const ids = new TicketIds({ client });
    this.leases = leases;
    this.tickets = new OwnTickets({
      clock,
      leases,
      ids,
      shardOf,
      heardTimeOf,
      submit,
      write,
      settle,
    });
  }

  /** Whether time matters. */
  get isBusy(): boolean {
    return this.leases.isBusy || this.tickets.isBusy;
  }

  get now(): number {
    return this.#clock.now;
  }

  /** Each event of the core tells the time first. */
  pass(now: number): void {
    this.#clock.pass(now);
  }

  /** What can have been ended meanwhile is told at once. */
  observe(reading: { readonly now: number; readonly wall: number }): void {
    this.#clock.observe(reading);
    this.leases.judge(this.#clock.latest);
  }

  tick(now: number): void {
    this.leases.tick(now);
    this.tickets.tick(now);
  }

  /** Why a write that names leases cannot be sent. */
  refusalOf({ leases = [] }: Writing): CallFailure | undefined {
    for (const lease of leases) {
      lease.judge(this.#clock.latest);
      if (lease.state === 'held') continue;
      const why = lease.state === 'ended' ? `has ended (${lease.endReason})` : 'may have ended';
      return notApplied('lease-ended', `the lease of the write ${why}; nothing was sent`);
    }
    return undefined;
  }

  /** A write that names leases may take effect as long as they are proven to live, not later. */
  expiryOf({ leases = [] }: Writing, expiresAt: number): number {
    let earliest = expiresAt;
    const { now, latest } = this.#clock;
    for (const { provenUntil, provenMilliseconds } of leases) {
      const left = Math.min(provenMilliseconds, provenUntil - latest);
      if (left < expiresAt - now) earliest = Math.min(earliest, stepBefore(now + left));
    }
    return earliest;
  }

  /** Required: there is a map. */
  bind(call: Writing): void {
    const { leases = [] } = call;
    if (leases.length === 0) return;
    const use = this.leases.use(leases);
    call.command = use.bind(call.command);
    call.trace = use;
  }

  /**
   * Also a call that is refused: its caller does not wait, but what it gives up would otherwise be
   * kept alive for as long as the client lives.
   */
  end(call: EndingCall, refusal?: CallFailure): void {
    this.#ending.add(call);
    if (call.type === 'unlock') this.tickets.release(call);
    else this.#endLease(call);
    if (refusal !== undefined) this.#settle(call, refusal);
  }

  #endLease(call: EndLeaseCall): void {
    const { lease, timeoutMilliseconds } = call;
    const onEnded = (failure?: CallFailure) => {
      this.#settle(call, failure ?? { type: 'leases-ended' });
    };
    if (lease === undefined) {
      this.tickets.giveUpAll(notApplied('closed', 'the client was closed'));
      this.leases.endAll({ timeoutMilliseconds, onEnded });
    } else this.leases.end(lease, 'released', { timeoutMilliseconds, onEnded });
  }

  /** False if the call is about no lock and no lease. */
  abort(call: Call, failure: CallFailure): boolean {
    if (isEnding(call)) {
      this.#settle(call, failure);
      return true;
    }
    if (call.type !== 'lock') return false;
    this.tickets.abort(call, failure);
    return true;
  }

  #settle(call: Call, result: unknown): void {
    if (isEnding(call) && !this.#ending.delete(call)) return;
    this.#options.settle(call, result);
  }

  close({ code, message }: CloseReason): void {
    this.tickets.close(notApplied(code, message));
    this.leases.close({ code, message });
  }
}

/** Writes under different leases that were kept at about the same time can share a batch. */
function stepBefore(time: number): number {
  const step = LEASE_KEEPING.expiryStepMilliseconds;
  return Math.floor(time / step) * step;
}
