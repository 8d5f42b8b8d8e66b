/** Planted bugs in reservations: who is kept off, for how long, and what a reader comes behind. */

import type { Bug, Planted } from './bug.ts';

const RESERVATIONS = 'src/shard/reservations.ts';
const PROPOSAL_QUEUE = 'src/shard/proposal-queue.ts';
const READING = 'src/shard/reading.ts';
const CHECK_READ = 'src/shard/check-read.ts';
const CLIENT_CORE = 'src/client/core/core.ts';
const CALL = 'src/client/core/call.ts';

/** Which suite notices, by the file that is broken. */
const NOTICED: Readonly<Record<string, string>> = {
  [RESERVATIONS]: 'reservations',
  [PROPOSAL_QUEUE]: 'reserved-proposals',
  [READING]: 'reserved-reads',
  [CHECK_READ]: 'reserved-reads',
  [CLIENT_CORE]: 'transaction',
  [CALL]: 'transaction',
};

const RESERVING: readonly Planted[] = [
  {
    name: 'nothing-is-kept-off',
    sentence: 'a command without a transaction ignores reservations',
    file: RESERVATIONS,
    find: `if (contender === undefined)
        return true;`,
    replace: `if (contender === undefined)
        return false;`,
    isFast: true,
  },
  {
    name: 'all-transactions-are-kept-off',
    sentence: 'a few failures block all other transactions from a key',
    file: RESERVATIONS,
    find: 'attempts < TRANSACTION_LIMITS.attemptsAlone || ',
    replace: '',
  },
  {
    name: 'an-elder-is-kept-off',
    sentence: 'a transaction with priority is refused because of one without',
    file: RESERVATIONS,
    find: 'return hasPriority(reservation.contender, contender);',
    replace: 'return true;',
  },
  {
    name: 'reserved-without-a-bound',
    sentence: 'a transaction that reads a key again and again blocks all writers of it',
    file: RESERVATIONS,
    find: 'Math.min(until, reservation.endsAt)',
    replace: 'until',
  },
  {
    name: 'any-number-is-reserved',
    sentence: "reservations take any amount of a leader's memory",
    file: RESERVATIONS,
    find: 'this.#byKey.size >= TRANSACTION_LIMITS.reservationsMax',
    replace: 'false',
  },
  {
    name: 'released-by-any-transaction',
    sentence: 'any transaction that ends releases the reservations of others',
    file: RESERVATIONS,
    find: '|| !isOf(reservation, { id })',
    replace: '',
  },
  {
    name: 'reserved-for-a-client-that-is-gone',
    sentence: 'a reservation never ends, and waiting requests are refused in the end',
    file: PROPOSAL_QUEUE,
    find: 'this.#goOn(this.#reservations.takeDue(now));',
    replace: '',
  },
  {
    name: 'kept-off-again-and-again',
    sentence: 'a write that has waited for a reservation waits for the next one, and starves',
    file: PROPOSAL_QUEUE,
    find: 'entered.hasYielded = true;',
    replace: '',
  },
  {
    name: 'reserved-behind-the-last-write',
    sentence: 'others wait for a transaction that needs the key no more',
    file: PROPOSAL_QUEUE,
    find: 'if (mayPass && isLast && contender !== undefined)',
    replace: 'if (false)',
  },
  {
    name: 'reserved-behind-the-resolution',
    sentence: 'a reservation stays after the resolution of the part',
    file: PROPOSAL_QUEUE,
    find: 'freed.flatMap((one) => this.#reservations.release(one, one.keys))',
    replace: '[]',
  },
  {
    name: 'reserved-and-not-behind',
    sentence: 'earlier proposals change what a reserving read returns, so the run fails again',
    file: READING,
    find: 'return { ...read, behind: this.#proposing.last };',
    replace: 'return read;',
  },
  {
    name: 'behind-what-may-never-come',
    sentence: 'a read waits for entries that another leader has replaced',
    file: READING,
    find: '...this.#blocked.takeAll(), ...this.#behind.takeAll(), ...this.#waits.takeAll()];',
    replace: '...this.#blocked.takeAll(), ...this.#waits.takeAll()];',
  },
  {
    name: 'reserved-behind-the-check',
    sentence: 'others wait for a read-only transaction that is over',
    file: CHECK_READ,
    find: 'this.#options.onHolds();',
    replace: '',
  },
  {
    name: 'kept-off-by-itself',
    sentence: 'the write of a transaction comes as a batch without an id, and waits for itself',
    file: CLIENT_CORE,
    find: ' || isProtected(call.priority)',
    replace: '',
  },
];

const UNIT_BUGS: readonly Bug[] = RESERVING.map(({ isFast, ...bug }) => {
  return { ...bug, profiles: [], tests: [NOTICED[bug.file] ?? ''], isFast: isFast ?? false };
});

/** Whole clusters have to show it: transactions starve where others write all the time. */
const STARVED: Bug = {
  name: 'no-run-is-protected',
  sentence: 'a transaction retries again and again, and others write what it reads each time',
  file: CALL,
  find: 'priority.attempts >= CLIENT_LIMITS.runsUnprotected',
  replace: 'false',
  profiles: ['txn'],
  isFast: false,
};

export const RESERVATION_BUGS: readonly Bug[] = [...UNIT_BUGS, STARVED];
