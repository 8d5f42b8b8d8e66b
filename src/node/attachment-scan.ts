/**
 * Looks in the index of attachments for keys of leases that have ended, as many as one entry may
 * delete. It reads a view, lease by lease, and waits for the disk where it has to.
 */

import { present } from '../base/assert.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { areEqual, keyBehind } from '../machine/bytes.ts';
import type { LeaseEnd } from '../machine/entry.ts';
import { SECTION } from '../machine/section.ts';
import {
  type StateCursor,
  StateDamage,
  type StateRow,
  type StateView,
} from '../storage/state/state.ts';

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

type Done = (scanned: Scanned | StateDamage) => void;

export class AttachmentScan {
  readonly #options: AttachmentScanOptions;
  readonly #ends: LeaseEnd[] = [];
  /** Of `leases`, the one that is being looked at, and what was found of it. */
  #at = 0;
  #cursor: StateCursor | undefined;
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
      this.#next((rows) => {
        isAnswered = true;
        this.#take(rows);
        if (!isSync) this.run(done);
      });
      isSync = false;
      if (!isAnswered) return;
    }
    this.#cursor?.close();
    this.#options.view.close();
    done(this.#result);
  }

  #next(done: (rows: readonly StateRow[] | StateDamage) => void): void {
    this.#cursor ??= this.#open();
    const bytesMax = this.#bytesLeft + leaseIdBytes;
    this.#cursor.next({ rowsMax: this.#rowsLeft, bytesMax }, done);
  }

  get #lease(): Uint8Array {
    return present(this.#options.leases[this.#at], 'there is a lease to look at');
  }

  #open(): StateCursor {
    const { view, from } = this.#options;
    const lease = this.#lease;
    const isBegun = from !== undefined && areEqual(from.subarray(0, leaseIdBytes), lease);
    this.#isWhole = !isBegun;
    this.#keys = [];
    return view.cursor({
      section: SECTION.attachments,
      from: isBegun ? from : lease,
      to: endOf(lease),
      isReverse: false,
    });
  }

  #take(rows: readonly StateRow[] | StateDamage): void {
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
    this.#cursor?.close();
    this.#cursor = undefined;
    this.#add({ isLast: this.#isWhole });
    this.#at += 1;
    const { leases } = this.#options;
    if (this.#at < leases.length) return;
    this.#result = { ends: this.#ends, done: leases.length, from: undefined };
  }

  /** There is no room for more. */
  #cut(from: Uint8Array): void {
    this.#add({ isLast: false });
    this.#result = { ends: this.#ends, done: this.#at, from };
  }

  #add({ isLast }: { readonly isLast: boolean }): void {
    const { seenAt } = this.#options;
    const keys = this.#keys;
    if (isLast || keys.length > 0) this.#ends.push({ lease: this.#lease, seenAt, isLast, keys });
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
