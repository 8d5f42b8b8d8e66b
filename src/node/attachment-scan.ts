/**
 * Looks in the index of attachments for keys of leases that have ended, as many as one entry may
 * delete. It reads a view, lease by lease in order, and waits for the disk where it has to. The
 * first rows of the next leases are read meanwhile, so that a slow disk is waited for once for many
 * leases, and not once for each.
 */

import { present } from '../base/assert.ts';
import { areEqual, keyBehind } from '../base/bytes.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import type { LeaseEnd } from '../machine/entry.ts';
import { SECTION } from '../machine/section.ts';
import {
  type StateCursor,
  StateDamage,
  type StateRow,
  type StateView,
} from '../storage/state/state.ts';
import type { ReadLimits } from '../storage/state/state-disk.ts';

const { leaseIdBytes } = COORDINATION_LIMITS;

interface AttachmentScanOptions {
  readonly view: StateView;
  /** The index of the entry that the view is as of. */
  readonly seenAt: number;
  /** Leases that have ended by then, in order. */
  readonly leases: readonly Uint8Array[];
  /** A row of the index, of the first of these leases: what stands before it is passed over. */
  readonly from: Uint8Array | undefined;
  /** A transaction holds the key, so an entry could not delete it. */
  readonly isHeld: (key: Uint8Array) => boolean;
}

interface Scanned {
  /** For the entry, in order. */
  readonly ends: readonly LeaseEnd[];
  /** How many of the leases were looked at to their end. */
  readonly done: number;
  /** Where to go on in the next one; undefined at its beginning. */
  readonly from: Uint8Array | undefined;
}

/** Of each lease that is read ahead: few, because they may be read for nothing. */
const AHEAD: ReadLimits = { rowsMax: 64, bytesMax: 16_384 };

type Done = (scanned: Scanned | StateDamage) => void;
type Rows = readonly StateRow[] | StateDamage;

export class AttachmentScan {
  readonly #options: AttachmentScanOptions;
  readonly #ends: LeaseEnd[] = [];
  /** How many of the leases were looked at to their end. */
  #done = 0;
  /** The lease that is being looked at, and those behind it whose rows are on their way. */
  readonly #lookups: Lookup[] = [];
  /** Of the leases, the first that has no lookup yet. */
  #next = 0;
  #keys: Uint8Array[] = [];
  /** All that was looked at is in `#keys`, from the first row of the lease on. */
  #isWhole = true;
  /** What there is still room for in the entry, and rows that may be looked at. */
  #bytesLeft: number = MACHINE_LIMITS.sweepBytesMax;
  #rowsLeft: number = MACHINE_LIMITS.sweepKeysMax;
  #result: Scanned | StateDamage | undefined;

  constructor(options: AttachmentScanOptions) {
    this.#options = options;
  }

  /** `done` is called once, within the call if all rows are in memory. */
  run(done: Done): void {
    // A loop, because calls within calls would be as deep as there are leases.
    while (this.#result === undefined) {
      let isSync = true;
      let isAnswered = false;
      this.#read((rows) => {
        isAnswered = true;
        this.#take(rows);
        if (!isSync) this.run(done);
      });
      isSync = false;
      if (!isAnswered) return;
    }
    for (const lookup of this.#lookups) lookup.close();
    this.#options.view.close();
    done(this.#result);
  }

  #read(done: (rows: Rows) => void): void {
    while (this.#lookups.length < NODE_LIMITS.detachedAtOnceMax && this.#begin());
    this.#lookup.next(this.#room, done);
  }

  get #lookup(): Lookup {
    return present(this.#lookups[0], 'there is a lease to look at');
  }

  get #room(): ReadLimits {
    return { rowsMax: this.#rowsLeft, bytesMax: this.#bytesLeft + leaseIdBytes };
  }

  /** Reads the first rows of one more lease, if there is one. */
  #begin(): boolean {
    const { view, from, leases } = this.#options;
    const lease = leases[this.#next];
    if (lease === undefined) return false;
    this.#next += 1;
    const isBegun = from !== undefined && areEqual(from.subarray(0, leaseIdBytes), lease);
    if (isBegun) this.#isWhole = false;
    const cursor = view.cursor({
      section: SECTION.attachments,
      from: isBegun ? from : lease,
      to: endOf(lease),
      isReverse: false,
    });
    this.#lookups.push(new Lookup(lease, cursor, AHEAD));
    return true;
  }

  #take(rows: Rows): void {
    if (rows instanceof StateDamage) {
      this.#result = rows;
      return;
    }
    if (rows.length === 0) return this.#endLease();
    for (const { key: attachment } of rows) {
      const key = attachment.slice(leaseIdBytes);
      if (key.length > this.#bytesLeft) return this.#cut(attachment);
      this.#rowsLeft -= 1;
      if (this.#options.isHeld(key)) {
        this.#isWhole = false;
      } else {
        this.#keys.push(key);
        this.#bytesLeft -= key.length;
      }
      if (this.#rowsLeft === 0) return this.#cut(keyBehind(attachment));
    }
  }

  /** It has no further attachment. */
  #endLease(): void {
    this.#add({ isLast: this.#isWhole });
    this.#lookups.shift()?.close();
    this.#keys = [];
    this.#isWhole = true;
    this.#done += 1;
    if (this.#done < this.#options.leases.length) return;
    this.#result = { ends: this.#ends, done: this.#done, from: undefined };
  }

  /** There is no room for more. */
  #cut(from: Uint8Array): void {
    this.#add({ isLast: false });
    this.#result = { ends: this.#ends, done: this.#done, from };
  }

  #add({ isLast }: { readonly isLast: boolean }): void {
    const { seenAt } = this.#options;
    const keys = this.#keys;
    const { lease } = this.#lookup;
    if (isLast || keys.length > 0) this.#ends.push({ lease, seenAt, isLast, keys });
  }
}

/** The attachments of one lease. The first of them are read before anything asks for them. */
class Lookup {
  readonly lease: Uint8Array;
  readonly #cursor: StateCursor;
  #isBegun = false;
  #first: Rows | undefined;
  #onFirst: ((rows: Rows) => void) | undefined;

  constructor(lease: Uint8Array, cursor: StateCursor, room: ReadLimits) {
    this.lease = lease;
    this.#cursor = cursor;
    cursor.next(room, (rows) => {
      this.#first = rows;
      this.#onFirst?.(rows);
    });
  }

  /** Rows in order, none only at the end. One call at a time; no answer comes after `close`. */
  next(room: ReadLimits, done: (rows: Rows) => void): void {
    if (this.#isBegun) return this.#cursor.next(room, done);
    this.#isBegun = true;
    if (this.#first === undefined) this.#onFirst = done;
    else done(this.#first);
  }

  close(): void {
    this.#cursor.close();
  }
}

/** Behind all attachments of the lease; undefined for the end of the section. */
function endOf(lease: Uint8Array): Uint8Array | undefined {
  const end = lease.slice();
  for (let at = end.length - 1; at >= 0; at--) {
    const byte = end[at] as number;
    end[at] = (byte + 1) % 0x100;
    if (byte < 0xff) return end;
  }
  return undefined;
}
