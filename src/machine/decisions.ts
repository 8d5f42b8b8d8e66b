/**
 * Decisions of a home shard that participants have not acknowledged. While a decision is kept, a
 * request that meets a lock of its transaction learns the outcome here.
 */

import { assert, present } from '../base/assert.ts';
import { count, decode, type Schema, struct, truth, where } from '../base/schema.ts';
import { SECTION, type StateSource } from './section.ts';
import { Slots, type WriteBuffer } from './slots.ts';
import type { Participant } from './transaction.ts';
import { PARTICIPANTS } from './transaction-codec.ts';
import {
  type Contender,
  copyOfId,
  idName,
  RANK,
  TRANSACTION_ID,
  type TransactionId,
} from './transaction-id.ts';

export interface Decision extends Contender {
  readonly isCommitted: boolean;
  /** Log time when it was made. */
  readonly since: number;
  /** The home shard stands first and has the decision. */
  readonly participants: readonly Participant[];
}

const DECISION: Schema<Decision> = where(
  struct({
    isCommitted: truth,
    id: TRANSACTION_ID,
    ...RANK,
    since: count(),
    participants: PARTICIPANTS,
  }),
  ({ participants }) => participants.length > 0,
);

export class Decisions {
  readonly #slots: Slots;
  readonly #byId = new Map<string, Decision>();
  readonly #slotOf = new Map<Decision, number>();

  constructor(source: StateSource) {
    const onRow = (slot: number, row: Uint8Array) => {
      this.#enter(present(decodeDecision(row), 'a decision is one'), slot);
    };
    this.#slots = new Slots({ source, section: SECTION.decisions, onRow });
  }

  get size(): number {
    return this.#byId.size;
  }

  get isFull(): boolean {
    return this.#slots.isFull;
  }

  all(): IterableIterator<Decision> {
    return this.#byId.values();
  }

  of(id: TransactionId): Decision | undefined {
    return this.#byId.get(idName(id));
  }

  /** Required: not full, and no decision of this transaction is kept: decisions never change. */
  add(decision: Decision, writing: WriteBuffer): void {
    assert(this.of(decision.id) === undefined, 'a transaction is decided once');
    const kept = { ...decision, id: copyOfId(decision.id) };
    this.#enter(
      kept,
      this.#slots.take(writing, (writer) => DECISION.write(writer, kept)),
    );
  }

  remove(decision: Decision, writing: WriteBuffer): void {
    const slot = present(this.#slotOf.get(decision), 'a decision that is kept has a place');
    this.#slots.free(slot, writing);
    this.#slotOf.delete(decision);
    this.#byId.delete(idName(decision.id));
  }

  #enter(decision: Decision, slot: number): void {
    this.#byId.set(idName(decision.id), decision);
    this.#slotOf.set(decision, slot);
  }
}

function decodeDecision(row: Uint8Array): Decision | undefined {
  const decision = decode(DECISION, row);
  return decision && { ...decision, id: copyOfId(decision.id) };
}
