/**
 * Responses that have not been sent: bounded for each connection, and in total. A connection
 * without room is not read or served until it has taken its responses. A connection that takes
 * nothing for long is closed, because others need the room.
 */

import { FAIRNESS_LIMITS } from '../shard/fairness-limits.ts';

const { answerBytesMax, answersBytesMax } = FAIRNESS_LIMITS;
const { stallMilliseconds, stallMillisecondsFull } = FAIRNESS_LIMITS;

/** The share of connections that take their responses. */
const CROWDED_BYTES = (answersBytesMax / 4) * 3;

/** The unsent responses of one connection. */
export class Debt {
  readonly connection: number;
  /** Made in this turn. */
  made = 0;
  /** With the transport, as of the last look. */
  sent = 0;
  /** Bytes ever handed to the transport, and how many of them were sent at the last look. */
  handed = 0;
  left = 0;
  /** How long nothing of it has been sent. */
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

/** A connection to close, and why. */
interface Stalled {
  readonly connection: number;
  readonly text: string;
}

export class ResponseBudget {
  readonly #bufferedTo: (connection: number) => number;
  /** The connections with responses that may not have been sent. */
  readonly #owed = new Set<Debt>();
  #bytes = 0;
  #turn = 1;

  constructor(options: { readonly bufferedTo: (connection: number) => number }) {
    this.#bufferedTo = options.bufferedTo;
  }

  /** All unsent bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether one more response may be made, even a large one. */
  admits(debt: Debt): boolean {
    if (debt.seenIn !== this.#turn) this.#look(debt);
    if (debt.bytes === 0) return this.#bytes < answersBytesMax;
    return debt.bytes < answerBytesMax && this.#bytes < CROWDED_BYTES;
  }

  make(debt: Debt, bytes: number): void {
    debt.made += bytes;
    this.#bytes += bytes;
  }

  /** The made responses are with the transport. */
  send(debt: Debt, bytes: number): void {
    this.#bytes += bytes - debt.made;
    debt.made = 0;
    debt.sent += bytes;
    debt.handed += bytes;
    this.#owed.add(debt);
  }

  /** The connection is closed, and its responses are dropped. */
  forget(debt: Debt): void {
    this.#bytes -= debt.bytes;
    debt.made = 0;
    debt.sent = 0;
    this.#owed.delete(debt);
  }

  endTurn(): void {
    this.#turn += 1;
  }

  /** Time passed in which this node ran. Returns the connections to close. */
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
