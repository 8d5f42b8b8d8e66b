/** Leases, locks and fences of one shard, spoken to in short. */

import { deepEqual, ok } from 'node:assert/strict';
import type { LeaseReference, LockKind, Operation } from '../../src/machine/command.ts';
import { type EntryBody, encodeEntry, type LeaseEnd } from '../../src/machine/entry.ts';
import { decodeLeaseIds } from '../../src/machine/lease.ts';
import { Machine } from '../../src/machine/machine.ts';
import { decodeReply } from '../../src/machine/reply.ts';
import { SECTION } from '../../src/machine/section.ts';
import { bytesOf, clientOf, EPOCH, MachineRig, said, textOf } from './machine-rig.ts';

export const TTL = 5000;

export function lease(number: number, ttlMilliseconds = TTL): LeaseReference {
  return { id: clientOf(number), opening: { ttlMilliseconds, note: bytesOf('') } };
}

/** It has to be there. */
export function known(number: number): LeaseReference {
  return { id: clientOf(number), opening: undefined };
}

interface Asked {
  readonly kind?: LockKind;
  readonly permits?: number;
  readonly isWaiting?: boolean;
}

export function acquire(
  name: string,
  ticket: number,
  reference = lease(ticket),
  asked: Asked = {},
): Operation {
  const { kind = 'exclusive', permits = 1, isWaiting = true } = asked;
  const note = bytesOf('');
  return {
    type: 'acquire',
    key: bytesOf(name),
    lease: reference,
    ...{ ticket, kind, permits, isWaiting, note },
  };
}

export function shared(name: string, ticket: number): Operation {
  return acquire(name, ticket, lease(ticket), { kind: 'shared' });
}

export function release(name: string, ticket: number): Operation {
  return { type: 'release', key: bytesOf(name), ticket };
}

export function endLease(number: number): Operation {
  return { type: 'end-lease', key: bytesOf('any'), lease: clientOf(number) };
}

export function fence(name: string, token: number): Operation {
  return { type: 'fence', key: bytesOf('any'), name: bytesOf(name), token };
}

export function attach(key: string, value: string, reference: LeaseReference): Operation {
  const about = { key: bytesOf(key), value: bytesOf(value), lifeMilliseconds: 0 };
  return { type: 'set', ...about, lease: reference };
}

export class CoordinationRig {
  readonly shard = new MachineRig();
  /** What became of waiting tickets in the last entry: "name ticket fence". */
  told: readonly string[] = [];
  /** Commands that the last entry refused for a newer token. */
  fenced = 0;

  /** One command of these operations. */
  do(...operations: readonly Operation[]): string {
    return this.batch(operations)[0] ?? 'nothing';
  }

  batch(...commands: readonly (readonly Operation[])[]): readonly string[] {
    const replies = this.entry({ type: 'batch', batch: this.shard.batch(commands) });
    return replies.map((bytes) => said(decodeReply(bytes)));
  }

  entry(body: EntryBody): readonly Uint8Array[] {
    const { time, valueBytesMax } = this.shard;
    this.shard.index += 1;
    const payload = encodeEntry({ time, epoch: EPOCH, valueBytesMax }, body);
    const outcome = this.shard.machine.apply({ index: this.shard.index, payload });
    ok(outcome.type === 'applied');
    this.told = outcome.grants.map(({ name, ticket, fence: token }) => {
      return `${textOf(name)} ${ticket} ${token}`;
    });
    this.fenced = outcome.fenced;
    this.shard.rows.apply(outcome.writes);
    return outcome.replies;
  }

  /** The leases that are not alive. */
  keep(...numbers: readonly number[]): readonly number[] {
    const [reply] = this.entry({ type: 'keep-leases', leases: numbers.map(clientOf) });
    return (reply && decodeLeaseIds(reply))?.map((id) => id[0] ?? 0) ?? [];
  }

  end(number: number, keys: readonly string[] = [], about: Partial<LeaseEnd> = {}): void {
    const end = { lease: clientOf(number), seenAt: this.shard.index, isLast: true };
    const ends = [{ ...end, keys: keys.map(bytesOf), ...about }];
    deepEqual(this.entry({ type: 'end-leases', ends }), []);
  }

  pass(milliseconds: number): void {
    this.shard.time += milliseconds;
  }

  /** In steps that the lease clock counts in full. */
  passSlowly(milliseconds: number): void {
    for (let left = milliseconds; left > 0; left -= 1000) {
      this.pass(Math.min(left, 1000));
      this.entry({ type: 'expire', dueKeys: [] });
    }
  }

  /** As after an installed snapshot: all that a machine knows is in its rows. */
  rebuild(): void {
    this.shard.machine = new Machine({ source: this.shard.rows });
  }

  get leases(): readonly number[] {
    return [...this.shard.machine.coordination.leases.all()].map(({ id }) => id[0] ?? 0);
  }

  /** Tombstones that may be forgotten at the present log time. */
  tombstonesDue(): readonly number[] {
    const { machine, time } = this.shard;
    return machine.coordination.tombstones.dueAt(time, 100).map(([first]) => first ?? 0);
  }

  rows(section: keyof typeof SECTION): number {
    return this.shard.rows.in(SECTION[section]).filter(({ key }) => key.length > 0).length;
  }
}
