/**
 * The ids of leases that have ended in a shard: no operation opens them again. A copy of an
 * operation that opens a lease may be executed long after the lease has ended, and its client may
 * own a lock that the shard has given to the next owner meanwhile.
 *
 * An id is kept for twice the longest deadline. A client stops to open a lease in a shard when an
 * answer shows that it is open there. That answer is to an operation that was executed before the
 * end, so it comes within one such deadline of the end, or never; and what was sent until then is
 * executed within another one.
 */

import { assert, present } from '../base/assert.ts';
import { nameOf } from '../base/bytes.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { count, decode, octets, struct } from '../base/schema.ts';
import { SECTION, type StateSource } from './section.ts';
import { Slots, type WriteBuffer } from './slots.ts';

const { leaseIdBytes, leaseIdsMax: rowsMax, tombstoneMilliseconds } = COORDINATION_LIMITS;

const TOMBSTONE = struct({ id: octets(leaseIdBytes), until: count() });

export const writeTombstone = TOMBSTONE.write;

/** Undefined for bytes that are none. The bytes in it are copies. */
export function decodeTombstone(row: Uint8Array): Tombstone | undefined {
  const tombstone = decode(TOMBSTONE, row);
  return tombstone && { ...tombstone, id: tombstone.id.slice() };
}

interface Tombstone {
  readonly id: Uint8Array;
  /** The last log time at which it has to be there. */
  readonly until: number;
}

interface Placed extends Tombstone {
  readonly slot: number;
}

export class LeaseTombstones {
  readonly #slots: Slots;
  /** In the order of `until`, because log time does not fall. */
  readonly #byId = new Map<string, Placed>();

  constructor(source: StateSource) {
    const found: Placed[] = [];
    const onRow = (slot: number, row: Uint8Array) => {
      found.push({ ...present(decodeTombstone(row), 'a tombstone is one'), slot });
    };
    this.#slots = new Slots({ source, section: SECTION.tombstones, rowsMax, onRow });
    found.sort((one, other) => one.until - other.until);
    for (const tombstone of found) this.#byId.set(nameOf(tombstone.id), tombstone);
  }

  get size(): number {
    return this.#byId.size;
  }

  all(): IterableIterator<Tombstone> {
    return this.#byId.values();
  }

  has(id: Uint8Array): boolean {
    return this.#byId.has(nameOf(id));
  }

  /** Up to `max` that need not be kept at this log time, the oldest first. */
  dueAt(logTime: number, max: number): readonly Uint8Array[] {
    const due: Uint8Array[] = [];
    for (const { id, until } of this.#byId.values()) {
      if (until >= logTime || due.length === max) break;
      due.push(id);
    }
    return due;
  }

  /** Required: there is room, and none of that id. */
  add(id: Uint8Array, logTime: number, into: WriteBuffer): void {
    assert(!this.has(id), 'a lease has one tombstone');
    const tombstone = { id: id.slice(), until: logTime + tombstoneMilliseconds };
    const slot = this.#slots.take(into, (writer) => writeTombstone(writer, tombstone));
    this.#byId.set(nameOf(id), { ...tombstone, slot });
  }

  /** Has no effect as long as it has to be kept. */
  forget(id: Uint8Array, logTime: number, into: WriteBuffer): void {
    const tombstone = this.#byId.get(nameOf(id));
    if (tombstone === undefined || tombstone.until >= logTime) return;
    this.#slots.free(tombstone.slot, into);
    this.#byId.delete(nameOf(id));
  }
}
