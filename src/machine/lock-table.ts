/** The lock table of a shard: which prepared transaction locks which keys until it is resolved. */

import { present } from '../base/assert.ts';
import { compareBytes, nameOf } from '../base/bytes.ts';
import { ROW_LIMITS } from '../base/limits.ts';
import { bytes, count, decode, type Of, struct, truth } from '../base/schema.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { Operation } from './command.ts';
import { SECTION, type StateSource } from './section.ts';
import { Slots, slotKey, type WriteBuffer } from './slots.ts';
import { locksKey, type Participant, type Prepare } from './transaction.ts';
import { decodePrepare } from './transaction-codec.ts';
import { type Contender, copyOfId, idName, type TransactionId } from './transaction-id.ts';

/** A prepared part. Its keys are locked until its transaction is resolved here. */
export interface Prepared extends Contender {
  readonly slot: number;
  /** The index of the entry that prepared it: the version of its writes. */
  readonly version: number;
  /** Log time then. */
  readonly since: number;
  readonly participants: readonly Participant[];
  /**
   * The home shard's part of a transaction that is committed as soon as all others are prepared: it
   * ends with the decision only, and an abort needs a participant that never will be.
   */
  readonly isStaged: boolean;
  readonly keys: readonly Uint8Array[];
  /** Names of its guarded writes: no other one may raise their tokens meanwhile. */
  readonly fences: readonly Uint8Array[];
  /** Of the prepare. */
  readonly bytes: number;
  /** The cost of executing it, see `work.ts`. */
  readonly workBytes: number;
}

/** The entry that prepared a part, with its bytes as they came. */
const PREPARED_IN = struct({
  version: count(),
  since: count(),
  workBytes: count(),
  isStaged: truth,
  bytes: bytes(ROW_LIMITS.valueBytesMax),
});

/** The public part of a lock. */
export interface KeyLock {
  readonly key: Uint8Array;
  readonly holder: Prepared;
}

export class LockTable {
  readonly #source: StateSource;
  readonly #slots: Slots;
  readonly #byId = new Map<string, Prepared>();
  /** By key. The lookup time does not depend on the number of holders. */
  readonly #locks = new Map<string, Prepared>();
  /** By the name of a fence. */
  readonly #fences = new Map<string, Prepared>();
  #bytes = 0;
  #staged = 0;

  constructor(source: StateSource) {
    this.#source = source;
    const onRow = (slot: number, row: Uint8Array) => {
      const { prepare, ...place } = present(decodeRow(row), 'a part is one');
      this.#enter(prepare, { slot, ...place });
    };
    this.#slots = new Slots({ source, section: SECTION.prepared, onRow });
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Staged transactions: each may become a decision of this shard. */
  get staged(): number {
    return this.#staged;
  }

  get isFull(): boolean {
    return this.#slots.isFull || this.#bytes >= TRANSACTION_LIMITS.preparedBytesMax;
  }

  all(): IterableIterator<Prepared> {
    return this.#byId.values();
  }

  of(id: TransactionId): Prepared | undefined {
    return this.#byId.get(idName(id));
  }

  /** The holder of the key; cheap where nothing is prepared. */
  holderOf(key: Uint8Array): Prepared | undefined {
    if (this.#byId.size === 0) return undefined;
    return this.#locks.get(nameOf(key));
  }

  /** The holder of the name of a fence. */
  fenceHolderOf(name: Uint8Array): Prepared | undefined {
    if (this.#fences.size === 0) return undefined;
    return this.#fences.get(nameOf(name));
  }

  /** The holder of what an operation needs; locks and leases are no part of any transaction. */
  holderFor(operation: Operation): Prepared | undefined {
    if (this.#byId.size === 0) return undefined;
    switch (operation.type) {
      case 'check-range':
      case 'acquire':
      case 'release':
      case 'end-lease':
        return undefined;
      case 'fence':
        return this.fenceHolderOf(operation.name);
      default:
        return this.holderOf(operation.key);
    }
  }

  /** The locked keys in [from, to), in key order; no bytes leave an end open. */
  within(from: Uint8Array, to: Uint8Array): readonly KeyLock[] {
    const found: KeyLock[] = [];
    for (const holder of this.#byId.values()) {
      for (const key of holder.keys) {
        if (compareBytes(key, from) < 0) continue;
        if (to.length > 0 && compareBytes(key, to) >= 0) continue;
        found.push({ key, holder });
      }
    }
    return found.sort((one, other) => compareBytes(one.key, other.key));
  }

  /** Required: not full, none of the keys is locked, and the entry's bytes are the prepare's. */
  add(prepare: Prepare, entry: PreparedIn, writing: WriteBuffer): void {
    const slot = this.#slots.take(writing, (writer) => PREPARED_IN.write(writer, entry));
    this.#enter(prepare, { ...entry, slot, bytes: entry.bytes.length });
  }

  /** The operations of the part, from the state; the bytes are views. */
  operationsOf({ slot }: Prepared): Prepare['operations'] {
    const row = this.#source.get(SECTION.prepared, slotKey(slot));
    const decoded = row === undefined ? undefined : decodeRow(row);
    return present(decoded, 'what is prepared has a row').prepare.operations;
  }

  remove(prepared: Prepared, writing: WriteBuffer): void {
    this.#slots.free(prepared.slot, writing);
    this.#byId.delete(idName(prepared.id));
    this.#bytes -= prepared.bytes;
    if (prepared.isStaged) this.#staged -= 1;
    for (const key of prepared.keys) this.#locks.delete(nameOf(key));
    for (const name of prepared.fences) this.#fences.delete(nameOf(name));
  }

  #enter(prepare: Prepare, place: Place): void {
    const { operations } = prepare;
    const keys = operations.filter(locksKey).map(({ key }) => key.slice());
    const fences = operations.flatMap((one) => (one.type === 'fence' ? [one.name.slice()] : []));
    const { attempts, age, participants } = prepare;
    const about = { id: copyOfId(prepare.id), attempts, age, participants };
    const prepared: Prepared = { ...place, ...about, keys, fences };
    this.#byId.set(idName(prepared.id), prepared);
    this.#bytes += prepared.bytes;
    if (prepared.isStaged) this.#staged += 1;
    for (const key of keys) this.#locks.set(nameOf(key), prepared);
    for (const name of fences) this.#fences.set(nameOf(name), prepared);
  }
}

type Place = Pick<Prepared, 'slot' | 'version' | 'since' | 'workBytes' | 'isStaged' | 'bytes'>;

type PreparedIn = Of<typeof PREPARED_IN>;

function decodeRow(row: Uint8Array) {
  const entry = decode(PREPARED_IN, row);
  const prepare = entry && decodePrepare(entry.bytes);
  return prepare && { ...entry, bytes: entry.bytes.length, prepare };
}
