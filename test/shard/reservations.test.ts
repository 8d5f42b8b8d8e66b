/** Keys that are reserved for a transaction: against which requests, and for how long. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import type { Command } from '../../src/machine/command.ts';
import type { Contender } from '../../src/machine/transaction-id.ts';
import { Reservations } from '../../src/shard/reservations.ts';
import { bytesOf, clientOf, put } from '../machine/machine-rig.ts';

const { attemptsAlone, reservationsMax, reservedMilliseconds, reservedMillisecondsMax } =
  TRANSACTION_LIMITS;

function contender(client: number, attempts: number): Contender {
  return { id: { home: 0, client: clientOf(client), sequence: client }, attempts, age: client };
}

function keysOf(...keys: readonly string[]): readonly Uint8Array[] {
  return keys.map(bytesOf);
}

/** The position of the first key that blocks it. */
function inTheWay(reservations: Reservations, keys: readonly string[], by?: Contender) {
  const commands: readonly Command[] = [keys.map((key) => put(key, 'x'))];
  return reservations.inTheWayOf(commands, by)?.position;
}

test('a reserved key blocks requests without a transaction, and other keys do not', () => {
  const reservations = new Reservations();
  equal(inTheWay(reservations, ['x']), undefined);
  reservations.reserve(contender(1, 4), keysOf('x', 'y'), 0);
  deepEqual([inTheWay(reservations, ['w', 'x']), inTheWay(reservations, ['w'])], [1, undefined]);
  const check = { type: 'check-range', key: bytesOf('x'), to: bytesOf('z') } as const;
  const range = [{ ...check, count: 0, seenAt: 0 }];
  equal(reservations.inTheWayOf([range], undefined), undefined, 'a range writes nothing');
});

test('other transactions are blocked only by one that failed very often, and has priority', () => {
  for (const attempts of [attemptsAlone - 1, attemptsAlone]) {
    const reservations = new Reservations();
    const isAlone = attempts === attemptsAlone;
    reservations.reserve(contender(1, attempts), keysOf('x'), 0);
    equal(inTheWay(reservations, ['x'], contender(2, 0)), isAlone ? 0 : undefined);
    equal(inTheWay(reservations, ['x'], contender(2, attemptsAlone * 2)), undefined);
    equal(inTheWay(reservations, ['x'], contender(1, 0)), undefined, 'of the same client');
  }
});

test('a reservation ends after its time, and is renewed whenever its key is read', () => {
  const reservations = new Reservations();
  reservations.reserve(contender(1, 4), keysOf('x'), 0);
  reservations.reserve(contender(1, 4), keysOf('x'), 500);
  deepEqual(reservations.takeDue(reservedMilliseconds), []);
  equal(inTheWay(reservations, ['x']), 0);
  equal(reservations.takeDue(reservedMilliseconds + 500).length, 1);
  deepEqual([inTheWay(reservations, ['x']), reservations.size], [undefined, 0]);
});

test('without a gap a key is reserved for a bounded time, whichever transaction reads it', () => {
  const reservations = new Reservations();
  for (let now = 0; now < reservedMillisecondsMax; now += 100) {
    reservations.reserve(contender(1, 4 + now), keysOf('x'), now);
    reservations.reserve(contender(2, 4 + now), keysOf('x'), now);
    deepEqual(reservations.takeDue(now), []);
  }
  equal(reservations.takeDue(reservedMillisecondsMax).length, 1);
});

test('a transaction with priority takes a key over, and one without does not', () => {
  const reservations = new Reservations();
  reservations.reserve(contender(1, attemptsAlone), keysOf('x'), 0);
  reservations.reserve(contender(2, 4), keysOf('x'), 0);
  equal(inTheWay(reservations, ['x'], contender(2, 4)), 0);
  reservations.reserve(contender(3, 2 * attemptsAlone), keysOf('x'), 0);
  equal(inTheWay(reservations, ['x'], contender(1, attemptsAlone)), 0);
  deepEqual(reservations.release(contender(1, 0), keysOf('x')), [], 'it is not its own any more');
});

test('the end of a reservation is reported once, with its keys', () => {
  const reservations = new Reservations();
  reservations.reserve(contender(1, 4), keysOf('x', 'y'), 0);
  deepEqual(reservations.release(contender(2, 4), keysOf('x')), []);
  equal(reservations.release(contender(1, 9), keysOf('w', 'x')).length, 1);
  deepEqual([inTheWay(reservations, ['x']), inTheWay(reservations, ['y'])], [undefined, 0]);
  equal(reservations.takeDue(reservedMilliseconds).length, 1);
});

test('the number of reservations is bounded, and one more is not protected', () => {
  const reservations = new Reservations();
  const keys = Array.from({ length: reservationsMax }, (_, at) => bytesOf(`k${at}`));
  reservations.reserve(contender(1, 4), keys, 0);
  reservations.reserve(contender(1, 4), keysOf('more'), 0);
  deepEqual([reservations.size, inTheWay(reservations, ['more'])], [reservationsMax, undefined]);
  reservations.clear();
  deepEqual([reservations.size, reservations.takeDue(1e9)], [0, []]);
});
