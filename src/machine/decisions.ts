/**
 * Decisions of a home shard that participants have not acknowledged. While a decision is kept, a
 * request that meets a lock of its transaction learns the outcome here.
 */

import { assert, present } from '../base/assert.ts';
import { Reader, type Writer } from '../base/message-pack.ts';
import { SECTION, type StateSource } from './section.ts';
import { Slots, type WriteBuffer } from './slots.ts';
import type { Participant } from './transaction.ts';
import { readParticipants, writeParticipants } from './transaction-codec.ts';
import {
  type Contender,
  copyOfId,
  idText,
  readId,
  readRank,
  type TransactionId,
  writeId,
  writeRank,
} from './transaction-id.ts';

export interface Decision extends Contender {
  readonly isCommitted: boolean;
  /** Log time when it was made. */
  readonly since: number;
  /** The home shard stands first and has the decision. */
  readonly participants: readonly Participant[];
}

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
    return this.#byId.get(idText(id));
  }

  /** Required: not full, and no decision of this transaction is kept: decisions never change. */
  add(decision: Decision, writing: WriteBuffer): void {
    assert(this.of(decision.id) === undefined, 'a transaction is decided once');
    const kept = { ...decision, id: copyOfId(decision.id) };
    this.#enter(
      kept,
      this.#slots.take(writing, (writer) => writeDecision(writer, kept)),
    );
  }

  remove(decision: Decision, writing: WriteBuffer): void {
    const slot = present(this.#slotOf.get(decision), 'a decision that is kept has a place');
    this.#slots.free(slot, writing);
    this.#slotOf.delete(decision);
    this.#byId.delete(idText(decision.id));
  }

  #enter(decision: Decision, slot: number): void {
    this.#byId.set(idText(decision.id), decision);
    this.#slotOf.set(decision, slot);
  }
}

/** `[isCommitted, id, attempts, age, since, [participant …]]`. */
function writeDecision(writer: Writer, decision: Decision): void {
  writer.array(6);
  writer.truth(decision.isCommitted);
  writeId(writer, decision.id);
  writeRank(writer, decision);
  writer.count(decision.since);
  writeParticipants(writer, decision.participants);
}

function decodeDecision(row: Uint8Array): Decision | undefined {
  const reader = new Reader(row);
  reader.tuple(6);
  const isCommitted = reader.truth();
  const id = copyOfId(readId(reader));
  const rank = readRank(reader);
  const since = reader.count();
  const participants = readParticipants(reader);
  const isSound = !reader.isBroken && reader.left === 0 && participants.length > 0;
  return isSound ? { isCommitted, id, ...rank, since, participants } : undefined;
}
