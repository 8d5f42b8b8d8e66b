/**
 * Requests about leases and tickets that are answered by the leader of one shard, and are always
 * safe to send again: keeping leases alive, and waiting for a lock.
 */

import type { ShardId } from '../../../base/ids.ts';
import { type Listener, type RequestBody, UNREADABLE } from '../shard-request.ts';

const LEVEL = { type: 'linearizable' } as const;

interface KeepOptions {
  readonly shard: ShardId;
  readonly leases: readonly Uint8Array[];
  /** Gets the leases that the shard does not have, or has ended. */
  readonly listener: Listener<readonly Uint8Array[]>;
  /**
   * A copy is about to be sent. An answer is that to the copy sent last: the shard remembers none.
   */
  readonly onSent: (now: number) => void;
}

/** Keeps leases of one shard alive. */
export function keepRequest({ shard, leases, listener, onSent }: KeepOptions): RequestBody {
  return {
    kind: 'keep',
    shard,
    level: LEVEL,
    waiters: [listener],
    bytes: leases.length * LEASE_BYTES,
    encode({ id, now, epochOf }) {
      onSent(now);
      return { type: 'keep', id, shard, epoch: epochOf(shard), leases };
    },
    take(response) {
      if (response.type !== 'kept') return UNREADABLE;
      return listener.answer(response.ended);
    },
  };
}

const LEASE_BYTES = 18;

/** What became of a ticket. */
export interface TicketNews {
  /** The token of its owners; 0 while it waits. */
  readonly fence: number;
  /** From 1 among the tickets that wait; 0 if it owns the lock, or is gone. */
  readonly position: number;
}

interface AwaitOptions {
  readonly shard: ShardId;
  /** Of the lock. */
  readonly name: Uint8Array;
  readonly ticket: number;
  /** The longest time after which the leader answers although the ticket still waits. */
  readonly patienceMilliseconds: number;
  readonly listener: Listener<TicketNews>;
}

/** Answered as soon as the ticket is granted or gone, or else after a while. */
export function awaitRequest(options: AwaitOptions): RequestBody {
  const { shard, name, ticket, listener } = options;
  return {
    kind: 'await-ticket',
    shard,
    level: LEVEL,
    waiters: [listener],
    bytes: name.length,
    encode({ id, now, epochOf }) {
      const left = Math.max(1, Math.ceil(listener.expiresAt - now));
      const patienceMilliseconds = Math.min(options.patienceMilliseconds, left);
      return {
        type: 'await-ticket',
        id,
        shard,
        epoch: epochOf(shard),
        name,
        ticket,
        patienceMilliseconds,
      };
    },
    take(response) {
      if (response.type !== 'ticket') return UNREADABLE;
      return listener.answer({ fence: response.fence, position: response.position });
    },
  };
}
