/**
 * The leases of a shard, all in memory. A lease begins with the first key or ticket that opens it
 * here. Only an entry of the log ends it. Its row stays until none of its keys is left, and then a
 * tombstone: an ended lease is not alive again (`lease-tombstones.ts`).
 *
 * Expiry goes by the lease clock, which counts a bounded part of any silence of the log: so no
 * outage of the shard ends a lease (`shard-metadata.ts`).
 */

import { assert, present } from '../base/assert.ts';
import { nameOf } from '../base/bytes.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import type { LeaseOpening } from './command.ts';
import { decodeLease, type StoredLease, writeLease } from './lease.ts';
import { SECTION, type StateSource } from './section.ts';
import { Slots, type WriteBuffer } from './slots.ts';

interface Placed extends StoredLease {
  readonly slot: number;
}

/** What opens a lease. */
interface NewLease extends LeaseOpening {
  readonly id: Uint8Array;
  readonly client: Uint8Array;
}

export class Leases {
  readonly #slots: Slots;
  readonly #byId = new Map<string, Placed>();

  constructor(source: StateSource) {
    const onRow = (slot: number, row: Uint8Array) => {
      const lease = present(decodeLease(row), 'a lease is one');
      this.#byId.set(nameOf(lease.id), { ...lease, slot });
    };
    this.#slots = new Slots({ source, section: SECTION.leases, onRow });
  }

  get size(): number {
    return this.#byId.size;
  }

  all(): IterableIterator<StoredLease> {
    return this.#byId.values();
  }

  of(id: Uint8Array): StoredLease | undefined {
    return this.#byId.get(nameOf(id));
  }

  isAlive(id: Uint8Array): boolean {
    return this.of(id)?.endedAt === 0;
  }

  /** Those that an entry may end now, by this time of the lease clock. */
  dueAt(leaseTime: number): readonly StoredLease[] {
    return [...this.#byId.values()].filter((lease) => {
      return lease.endedAt > 0 || lease.expiresAt <= leaseTime;
    });
  }

  /** Required: there is room, and the shard does not have it. */
  open(
    { id, client, ttlMilliseconds, note }: NewLease,
    leaseTime: number,
    into: WriteBuffer,
  ): void {
    assert(this.of(id) === undefined, 'a lease is opened once');
    assert(this.size < COORDINATION_LIMITS.leasesMax, 'there is room for a lease');
    const lease: StoredLease = {
      id: id.slice(),
      ttlMilliseconds,
      expiresAt: leaseTime + ttlMilliseconds,
      endedAt: 0,
      client: client.slice(),
      note: note.slice(),
    };
    const slot = this.#slots.take(into, (writer) => writeLease(writer, lease));
    this.#byId.set(nameOf(id), { ...lease, slot });
  }

  /** Required: it is alive. Its own time to live counts, whatever a later opening says. */
  renew(id: Uint8Array, leaseTime: number, into: WriteBuffer): void {
    const lease = this.#present(id);
    assert(lease.endedAt === 0, 'an ended lease is not renewed');
    const expiresAt = Math.max(lease.expiresAt, leaseTime + lease.ttlMilliseconds);
    if (expiresAt > lease.expiresAt) this.#replace({ ...lease, expiresAt }, into);
  }

  /** Required: it is alive. */
  end(id: Uint8Array, index: number, into: WriteBuffer): void {
    const lease = this.#present(id);
    assert(lease.endedAt === 0, 'a lease ends once');
    this.#replace({ ...lease, endedAt: index }, into);
  }

  /** Required: it has ended, and no key is attached to it. */
  remove(id: Uint8Array, into: WriteBuffer): void {
    const lease = this.#present(id);
    assert(lease.endedAt > 0, 'a live lease keeps its row');
    this.#slots.free(lease.slot, into);
    this.#byId.delete(nameOf(id));
  }

  #present(id: Uint8Array): Placed {
    return present(this.#byId.get(nameOf(id)), 'the shard has the lease');
  }

  #replace(lease: Placed, into: WriteBuffer): void {
    this.#slots.rewrite(lease.slot, into, (writer) => writeLease(writer, lease));
    this.#byId.set(nameOf(lease.id), lease);
  }
}
