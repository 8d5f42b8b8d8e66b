/**
 * What was answered and has not left: a bound for each connection, and one for all of them. Where
 * there is no room nothing more is read or computed for a connection until it has taken what waits
 * for it. One that takes nothing for long is closed, for others need the room.
 */

import { FAIRNESS_LIMITS } from '../base/fairness-limits.ts';

const { answerBytesMax, answersBytesMax } = FAIRNESS_LIMITS;
const { stallMilliseconds, stallMillisecondsFull } = FAIRNESS_LIMITS;

/** What those have left to themselves that take what they are sent. */
const CROWDED_BYTES = (answersBytesMax / 4) * 3;

/** What waits for one connection. */
export class Debt {
  readonly connection: number;
  /** Made in this turn. */
  made = 0;
  /** With the transport, as of the last look. */
  sent = 0;
  /** All that was ever handed to the transport, and what of it had left at the last look. */
  handed = 0;
  left = 0;
  /** For how long nothing of it has left. */
  stalledMilliseconds = 0;
  /** The turn of the last look. */
  seenIn = 0;

  constructor(connection: number) {
    this.connection = connection;
  }

  get bytes(): number {
    return this.made + this.sent;
  }
}

/** A connection that has to go, and why. */
interface Stalled {
  readonly connection: number;
  readonly text: string;
}

export class ResponseBudget {
  readonly #bufferedTo: (connection: number) => number;
  /** Those to whom something was sent that may not have left. */
  readonly #owed = new Set<Debt>();
  #bytes = 0;
  #turn = 1;

  constructor(options: { readonly bufferedTo: (connection: number) => number }) {
    this.#bufferedTo = options.bufferedTo;
  }

  /** All that waits for all connections. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether one more answer may be made. It may be a large one. */
  admits(debt: Debt): boolean {
    if (debt.seenIn !== this.#turn) this.#look(debt);
    if (debt.bytes === 0) return this.#bytes < answersBytesMax;
    return debt.bytes < answerBytesMax && this.#bytes < CROWDED_BYTES;
  }

  make(debt: Debt, bytes: number): void {
    debt.made += bytes;
    this.#bytes += bytes;
  }

  /** What was made is with the transport. */
  send(debt: Debt, bytes: number): void {
    this.#bytes += bytes - debt.made;
    debt.made = 0;
    debt.sent += bytes;
    debt.handed += bytes;
    this.#owed.add(debt);
  }

  /** The connection is gone, and what waits for it with it. */
  forget(debt: Debt): void {
    this.#bytes -= debt.bytes;
    debt.made = 0;
    debt.sent = 0;
    this.#owed.delete(debt);
  }

  endTurn(): void {
    this.#turn += 1;
  }

  /** Time in which this node was awake has passed. The connections that have to go. */
  tick(milliseconds: number): readonly Stalled[] {
    const stalled: Debt[] = [];
    let longest: Debt | undefined;
    for (const debt of this.#owed) {
      this.#look(debt);
      if (debt.sent === 0) continue;
      debt.stalledMilliseconds += milliseconds;
      if (debt.stalledMilliseconds >= stallMilliseconds) stalled.push(debt);
      if (debt.stalledMilliseconds > (longest?.stalledMilliseconds ?? 0)) longest = debt;
    }
    const isCrowded = this.#bytes >= CROWDED_BYTES && stalled.length === 0;
    const isLong = (longest?.stalledMilliseconds ?? 0) >= stallMillisecondsFull;
    if (isCrowded && isLong && longest !== undefined) stalled.push(longest);
    return stalled.map(({ connection, sent, stalledMilliseconds }) => {
      const what = `${sent} bytes wait for you`;
      const text = `${what}, and none of them left in ${stalledMilliseconds} ms; read faster`;
      return { connection, text };
    });
  }

  #look(debt: Debt): void {
    debt.seenIn = this.#turn;
    if (debt.sent === 0) return;
    const before = debt.sent;
    debt.sent = this.#bufferedTo(debt.connection);
    this.#bytes += debt.sent - before;
    const left = debt.handed - debt.sent;
    if (left > debt.left) debt.stalledMilliseconds = 0;
    debt.left = left;
    if (debt.sent === 0) this.#owed.delete(debt);
  }
}
