/** A write whose operations name leases: which of them its answer proves to live, and where. */

import { areEqual } from '../../../base/bytes.ts';
import type { ShardId } from '../../../base/ids.ts';
import type { Command, Operation } from '../../../machine/command.ts';
import type { GaveWay, Replied, WriteTrace } from '../call.ts';
import type { CallFailure } from '../call-failure.ts';
import type { ElapsedClock } from './elapsed-clock.ts';
import type { KeptLease, LeasePlace } from './kept-lease.ts';

/** An operation that opens a lease unless it is open. */
interface Opening {
  readonly lease: KeptLease;
  readonly shard: ShardId;
  readonly key: Uint8Array;
}

interface LeaseUseTerms {
  readonly leases: readonly KeptLease[];
  readonly shardOf: (key: Uint8Array) => ShardId;
  readonly clock: ElapsedClock;
  /** A shard has refused the command, because it does not have the lease. */
  readonly onEnded: (lease: KeptLease) => void;
  /** The write is sent, and may open a lease in this place that has ended meanwhile. */
  readonly onLate: (place: LeasePlace) => void;
  /** The write has ended, and its leases are as its answer says. */
  readonly onKnown: (leases: readonly KeptLease[]) => void;
}

export class LeaseUse implements WriteTrace {
  readonly #terms: LeaseUseTerms;
  readonly #openings: Opening[] = [];
  /** When the first copy was sent, by the elapsed clock. */
  #sentAt: number | undefined;
  /** After it, in the log time of the shard, no copy takes effect. */
  deadline = 0;
  /** How many were sent. */
  copies = 0;

  constructor(terms: LeaseUseTerms) {
    this.#terms = terms;
  }

  /** The command as its shards are to read it: with the leases that they do not have yet. */
  bind(command: Command): Command {
    return command.map((operation) => this.#bindOne(operation));
  }

  sent(now: number, deadline: number): void {
    if (this.#sentAt === undefined) this.#doubt();
    this.#sentAt ??= this.#terms.clock.at(now);
    this.copies += 1;
    this.deadline = Math.max(this.deadline, deadline);
  }

  ended(result: Replied | GaveWay | CallFailure): void {
    const { leases, onEnded, onKnown } = this.#terms;
    const isLeaseEnded = result.type === 'failed' && result.code === 'lease-ended';
    const [lease] = leases;
    if (this.#sentAt === undefined) this.#forget();
    if (isLeaseEnded && lease !== undefined && leases.length === 1) onEnded(lease);
    else if (this.#sentAt !== undefined) this.#conclude(result, this.#sentAt);
    onKnown(leases);
  }

  /** A part of a transaction opens its leases even if the transaction is aborted. */
  #conclude(result: Replied | GaveWay | CallFailure, sentAt: number): void {
    const isDone = result.type === 'replied' && result.reply.type === 'done' && !isVoid(result);
    for (const { lease, ...where } of this.#openings) {
      if (isDone && lease.state !== 'ended') lease.open(where, sentAt);
    }
  }

  /** From now on the lease may be open in these shards, so its end has to reach them. */
  #doubt(): void {
    this.#forget();
    for (const { lease, ...where } of this.#openings) {
      const place = lease.doubt(where);
      if (lease.state === 'ended') this.#terms.onLate(place);
    }
  }

  /** It is not to be sent any more. */
  #forget(): void {
    for (const { lease } of this.#openings) lease.unsentOpenings -= 1;
  }

  #bindOne(operation: Operation): Operation {
    if (!('lease' in operation) || operation.type === 'end-lease') return operation;
    const { key, lease: named } = operation;
    const lease = named && this.#terms.leases.find(({ id }) => areEqual(id, named.id));
    if (lease === undefined) return operation;
    const shard = this.#terms.shardOf(key);
    const reference = lease.referenceIn(shard);
    const isFirst = !this.#openings.some((one) => one.lease === lease && one.shard === shard);
    if (reference.opening !== undefined && isFirst) {
      this.#openings.push({ lease, shard, key });
      lease.unsentOpenings += 1;
    }
    return { ...operation, lease: reference };
  }
}

/** A ticket that may not wait and is not granted leaves nothing, no lease either. */
function isVoid({ reply }: Replied): boolean {
  const [output] = reply.type === 'done' ? reply.outputs : [];
  return output?.type === 'ticket' && output.number === 0;
}
