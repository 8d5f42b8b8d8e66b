/**
 * Keys that a transaction has read and is about to check, reserved for it at their leader for a
 * bounded time: commands with lower priority wait or are refused. So a transaction that has failed
 * often commits even where other clients write its keys all the time.
 *
 * A reservation is soft: it stands in the leader's memory and is lost with its leadership.
 * Correctness depends on checks and locks only; a reservation decides how often a transaction has
 * to retry. A command without a transaction waits for one reservation at most, so it is delayed and
 * never starved.
 */

import { areEqual, nameOf } from '../base/bytes.ts';
import { Deadlines } from '../base/deadlines.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { Command } from '../machine/command.ts';
import { isOfKey } from '../machine/operation-codec.ts';
import type { Contender } from '../machine/transaction-id.ts';
import { hasPriority } from '../txn/conflict-policy.ts';

/** One key. Whichever transaction holds it by then, it ends when its time is over. */
export interface Reservation {
  readonly name: string;
  /** Shared by all transactions of its client: they do not block each other. */
  contender: Contender;
  readonly endsAt: number;
}

export class Reservations {
  readonly #byKey = new Map<string, Reservation>();
  readonly #deadlines = new Deadlines<Reservation>();

  get size(): number {
    return this.#byKey.size;
  }

  /**
   * Reserves, extends, or takes over from lower priority. Keys of a higher priority stay reserved.
   */
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

  /** The reservations that block a command of this transaction, or of none. */
  inTheWayOf(commands: readonly Command[], contender: Contender | undefined): Obstacle | undefined {
    if (this.#byKey.size === 0) return undefined;
    for (const command of commands) {
      for (const [position, operation] of command.entries()) {
        if (!isOfKey(operation)) continue;
        const reservation = this.#byKey.get(nameOf(operation.key));
        if (reservation === undefined) continue;
        if (isKeptOut(contender, reservation)) return { position, reservation };
      }
    }
    return undefined;
  }

  /** Those of the client: its transaction no longer needs them. */
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

/** The first reserved key of a command. */
interface Obstacle {
  readonly position: number;
  readonly reservation: Reservation;
}

/**
 * Transactions conflict with each other too, but they queue by an order of their own: a reservation
 * blocks another transaction only if that did not help.
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
