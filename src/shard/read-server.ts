/** Serves reads from the state after they were granted. */

import { unreachable } from '../base/assert.ts';
import type { ShardId } from '../base/ids.ts';
import { REQUEST_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import { pageOfLeases, pageOfTickets } from '../machine/coordination-listing.ts';
import type { Prepared } from '../machine/lock-table.ts';
import { SECTION } from '../machine/section.ts';
import type { Contender } from '../machine/transaction-id.ts';
import { StateDamage } from '../storage/state/state.ts';
import type { StateStore } from '../storage/state/state-store.ts';
import type { RangeQuery } from '../wire/request.ts';
import type { Failure } from '../wire/response.ts';
import { CheckRead } from './check-read.ts';
import type { FairQueue } from './fair-queue.ts';
import { FAIRNESS_LIMITS } from './fairness-limits.ts';
import { failRequester, type Requester } from './proposals.ts';
import { RangeRead } from './range-read.ts';
import type { ReadContext } from './read-moment.ts';
import type { PendingRead } from './reads.ts';
import { answerTicket, type TicketWait, type TicketWaits } from './ticket-waits.ts';

const { keyCost, requestCost, rowCost } = FAIRNESS_LIMITS;

interface ReadServerOptions {
  readonly shard: ShardId;
  readonly store: StateStore;
  /** The node's monotone milliseconds, read anew at each call. */
  readonly clock: () => number;
  readonly fair: Pick<FairQueue, 'add' | 'list'>;
  readonly waits: TicketWaits;
  /** A row is damaged: returns the failure for the requester. */
  readonly onDamage: (damage: StateDamage) => Failure;
  /** All its checks hold: the transaction no longer needs these keys. */
  readonly onChecked: (owner: Contender, keys: readonly Uint8Array[]) => void;
  /** The read met a locked key, and has not been answered. */
  readonly onHeld: (read: PendingRead, holder: Prepared, isPreempting: boolean) => void;
}

export class ReadServer {
  readonly #options: ReadServerOptions;
  readonly #shard: ShardId;
  readonly #store: StateStore;

  constructor(options: ReadServerOptions) {
    this.#options = options;
    this.#shard = options.shard;
    this.#store = options.store;
  }

  /** Required: the state is one that the read may see. Returns the cost. */
  serve(read: PendingRead, moment: ReadContext): number {
    const { requester } = read;
    const { now, time } = moment;
    if (now > read.until) {
      failRequester(requester, 'too-late', time);
      return requestCost;
    }
    // Rights may have been taken away since a node permitted it by an older map.
    if (read.epoch !== undefined && read.epoch < (moment.machine.epoch ?? 0)) {
      failRequester(requester, 'not-here', time);
      return requestCost;
    }
    try {
      return requestCost + this.#serve(read, moment);
    } catch (error) {
      if (!(error instanceof StateDamage)) throw error;
      failRequester(requester, this.#options.onDamage(error), time);
      return requestCost;
    }
  }

  #serve(read: PendingRead, moment: ReadContext): number {
    const { what } = read;
    switch (what.type) {
      case 'keys':
        return this.#serveKeys(read, what.keys, moment);
      case 'range':
        this.#serveRange(read, what.range, moment);
        return 0;
      case 'checks':
        this.#serveChecks(read, what, moment);
        return what.checks.length * keyCost;
      case 'ticket':
        this.#serveTicket(what.wait, moment);
        return keyCost;
      case 'coordination':
        return this.#serveCoordination(read, what, moment);
      default:
        return unreachable(what);
    }
  }

  #serveKeys(read: PendingRead, keys: readonly Uint8Array[], moment: ReadContext): number {
    const { lockTable, time, index, decided } = moment;
    const { responder, id } = read.requester;
    const rows: Uint8Array[] = [];
    let bytes = 0;
    for (const key of keys) {
      const holder = lockTable?.holderOf(key);
      const left = holder && decided(read, holder, key);
      if (holder !== undefined && left === undefined) {
        this.#options.onHeld(read, holder, false);
        return bytes + rows.length * keyCost;
      }
      const row = left ?? this.#store.get(this.#shard, SECTION.values, key) ?? NO_BYTES;
      bytes += row.length;
      // Two payloads fit in a frame; a single row always does.
      if (bytes > WIRE_LIMITS.payloadBytesMax) {
        failRequester({ responder, id }, 'too-much', time);
        return bytes + rows.length * keyCost;
      }
      rows.push(row);
    }
    responder.respond({ type: 'rows', id, time, index, rows });
    return bytes + keys.length * keyCost;
  }

  #serveRange(read: PendingRead, range: RangeQuery, { lockTable, time, index }: ReadContext): void {
    const { requester } = read;
    if (!this.#store.hasViews) return failRequester(requester, 'overloaded', time);
    const { onDamage, fair } = this.#options;
    const locks = lockTable === undefined ? [] : lockTable.within(range.from, range.to);
    const view = this.#store.view(this.#shard);
    const onHeld = ({ holder }: { readonly holder: Prepared }) => {
      this.#options.onHeld(read, holder, false);
    };
    new RangeRead({ requester, range, time, index, view, locks, fair, onDamage, onHeld }).run();
  }

  /** This replica has led after the request came: what its state does not have is gone. */
  #serveTicket(wait: TicketWait, { machine, time }: ReadContext): void {
    const { waits } = this.#options;
    const tickets = machine.coordination?.tickets;
    const isThere = tickets !== undefined && waits.take(wait, { tickets, time });
    if (!isThere) answerTicket(wait, { fence: 0, position: 0 }, time);
  }

  #serveCoordination({ requester }: PendingRead, asked: Listing, moment: ReadContext): number {
    const { machine, time } = moment;
    const { coordination } = machine;
    const rowsMax = Math.max(1, Math.min(asked.rowsMax, REQUEST_LIMITS.coordinationRowsMax));
    const about = { after: asked.after, rowsMax };
    const areLeases = asked.what === 'leases';
    if (coordination === undefined) return this.#refuse(requester, time);
    const page = areLeases
      ? pageOfLeases(coordination, machine.leaseTimeAt(time), about)
      : pageOfTickets(coordination, about);
    if (page === undefined) return this.#refuse(requester, time);
    const { responder, id } = requester;
    responder.respond({ type: 'listed', id, time, ...page });
    // All of them were sorted.
    return coordination[asked.what].size * rowCost;
  }

  #refuse(requester: Requester, time: number): number {
    failRequester(requester, 'malformed', time);
    return 0;
  }

  #serveChecks(read: PendingRead, { checks, owner }: Checks, moment: ReadContext): void {
    const { shard, store, clock, onDamage, onHeld, onChecked } = this.#options;
    const { requester, until, reserver = owner } = read;
    new CheckRead({
      shard,
      store,
      requester,
      checks,
      owner,
      moment,
      isLate: () => clock() > until,
      onDamage,
      onHolds: () => {
        if (reserver !== undefined)
          onChecked(
            reserver,
            checks.map(({ key }) => key),
          );
      },
      onHeld: (holder, isPreempting) => onHeld(read, holder, isPreempting),
    }).serve();
  }
}

type Checks = Extract<PendingRead['what'], { type: 'checks' }>;
type Listing = Extract<PendingRead['what'], { type: 'coordination' }>;
