/**
 * Rooms with few places. A client reads who is in a room, and enters if there is a place; two that
 * read at once must not both take the last place, though they write different keys (write skew).
 */

import type { Command } from '../../src/machine/command.ts';
import { bytesOf, type Customer } from './customer.ts';
import { putOf, type Run, transact } from './transacting.ts';
import type { Truth } from './truth.ts';
import { inTurn, type Workload } from './workload.ts';

const PLACES = 3;
/** A room is abandoned for another one after so many visits. */
const VISITS = 20;
const FINAL_ROOMS = 20;

export class Rooms implements Workload {
  readonly #broken: string[] = [];
  #room = 0;
  #visits = 0;
  #guests = 0;

  step(customer: Customer, done: () => void): void {
    this.#visits += 1;
    if (this.#visits % VISITS === 0) this.#room += 1;
    const room = this.#room;
    const { random } = customer;
    const dice = random.fraction();
    if (dice < 0.2) return this.#look(customer, room, () => done());
    const isGoing = dice > 0.85;
    const body = (run: Run) => {
      this.#guests += 1;
      const guest = `${prefixOf(room)}${random.below(100)}-${customer.number}.${this.#guests}`;
      run.scan(prefixOf(room), (keys) => {
        if (keys.length > PLACES) return run.giveUp();
        run.commit(isGoing ? leave(keys) : keys.length < PLACES ? [putOf(guest, guest)] : []);
      });
    };
    transact(customer, body, () => done());
  }

  finish(customer: Customer, done: () => void): void {
    const last = Math.min(FINAL_ROOMS, this.#room + 1);
    const rooms = Array.from({ length: last }, (_, at) => this.#room - at);
    const each = (room: number, next: () => void) =>
      this.#look(customer, room, (isOk) => isOk && next());
    inTurn(rooms, each, done);
  }

  judge(truth: Truth): void {
    const [broken] = this.#broken;
    if (broken !== undefined) truth.fail('write skew', broken);
  }

  /** Judges visits as if they had been seen at one moment. */
  note(guests: readonly string[]): void {
    if (guests.length > PLACES) {
      this.#broken.push(`${guests.join(', ')} are in a room for ${PLACES}`);
    }
  }

  #look(customer: Customer, room: number, done: (isOk: boolean) => void): void {
    let guests: readonly string[] = [];
    const body = (run: Run) => {
      run.scan(prefixOf(room), (keys) => {
        guests = keys;
        run.commit([]);
      });
    };
    transact(customer, body, (outcome) => {
      if (outcome === 'ok') this.note(guests);
      done(outcome === 'ok');
    });
  }
}

function leave(guests: readonly string[]): Command {
  return guests.slice(0, 1).map((guest) => ({ type: 'delete', key: bytesOf(guest) }));
}

function prefixOf(room: number): string {
  return `room-${room}-`;
}
