/**
 * Keys that a transaction has read and is about to check, reserved for it at their leader for a
 * bounded time: commands with less right to them wait or are sent away. So a transaction that has
 * failed often gets through where others write its keys all the time.
 *
 * A reservation is soft: it stands in the leader's memory alone and is lost with its leadership.
 * What is true hangs on checks and locks as ever; a reservation decides only how often a
 * transaction has to try. A command without a transaction waits for one of them at most, so it is
 * slowed and not starved.
 */

import { Deadlines } from '../base/deadlines.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { areEqual, nameOf } from '../machine/bytes.ts';
import type { Command } from '../machine/command.ts';
import type { Contender } from '../machine/transaction-id.ts';
import { hasPriority } from '../txn/conflict-policy.ts';

/** One key. Whatever transaction has it by then, it ends when its span is over. */
export interface Reservation {
  readonly name: string;
  /** Of all transactions of its client: they do not keep each other out. */
  contender: Contender;
  readonly endsAt: number;
}

export class Reservations {
  readonly #byKey = new Map<string, Reservation>();
  readonly #deadlines = new Deadlines<Reservation>();

  get size(): number {
    return this.#byKey.size;
  }

  /** Or for longer, or instead of one with less right. Keys of one with more right stay its own. */
  reserve(contender: Contender, keys: readonly Uint8Array[], now: number): void {
    for (const key of keys) {
      const name = nameOf(key);
      const known = this.#byKey.get(name);
      if (known === undefined) this.#add(name, contender, now);
      else if (isOf(known, contender) || hasPriority(contender, known.contender)) {
        if (hasPriority(contender, known.contender)) known.contender = contender;
        this.#extend(known, now);
      }
    }
  }

  /** What keeps a command out that is made for this transaction, or for none. */
  inTheWayOf(commands: readonly Command[], contender: Contender | undefined): Obstacle | undefined {
    if (this.#byKey.size === 0) return undefined;
    for (const command of commands) {
      for (const [position, { type, key }] of command.entries()) {
        if (type === 'check-range') continue;
        const reservation = this.#byKey.get(nameOf(key));
        if (reservation === undefined) continue;
        if (isKeptOut(contender, reservation)) return { position, reservation };
      }
    }
    return undefined;
  }

  /** Those of the client: a transaction of it has no more need of them. */
  release({ id }: Pick<Contender, 'id'>, keys: readonly Uint8Array[]): readonly Reservation[] {
    if (this.#byKey.size === 0) return [];
    return keys.flatMap((key) => {
      const reservation = this.#byKey.get(nameOf(key));
      if (reservation === undefined || !isOf(reservation, { id })) return [];
      this.#byKey.delete(reservation.name);
      this.#deadlines.remove(reservation);
      return [reservation];
    });
  }

  /** Those whose time is over. */
  takeDue(now: number): readonly Reservation[] {
    const due = this.#deadlines.takeDue(now);
    for (const { name } of due) this.#byKey.delete(name);
    return due;
  }

  clear(): void {
    this.#byKey.clear();
    this.#deadlines.clear();
  }

  #add(name: string, contender: Contender, now: number): void {
    if (this.#byKey.size >= TRANSACTION_LIMITS.reservationsMax) return;
    const endsAt = now + TRANSACTION_LIMITS.reservedMillisecondsMax;
    const reservation = { name, contender, endsAt };
    this.#byKey.set(name, reservation);
    this.#deadlines.add(reservation, now + TRANSACTION_LIMITS.reservedMilliseconds);
  }

  #extend(reservation: Reservation, now: number): void {
    this.#deadlines.remove(reservation);
    const until = now + TRANSACTION_LIMITS.reservedMilliseconds;
    this.#deadlines.add(reservation, Math.min(until, reservation.endsAt));
  }
}

/** The first key of a command that is reserved. */
interface Obstacle {
  readonly position: number;
  readonly reservation: Reservation;
}

/**
 * Transactions are in each other's way as well, but they wait in line and have their own order: one
 * keeps others out only if that did not help.
 */
function isKeptOut(contender: Contender | undefined, reservation: Reservation): boolean {
  if (contender === undefined) return true;
  const { attempts } = reservation.contender;
  if (attempts < TRANSACTION_LIMITS.attemptsAlone || isOf(reservation, contender)) return false;
  return hasPriority(reservation.contender, contender);
}

function isOf({ contender }: Reservation, { id }: Pick<Contender, 'id'>): boolean {
  return areEqual(contender.id.client, id.client);
}
