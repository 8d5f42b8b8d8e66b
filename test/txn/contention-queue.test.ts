/** The order of transactions for one key, and which are released when it cannot be had. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import {
  ContentionQueue,
  contested,
  type QueuedTransaction,
} from '../../src/txn/contention-queue.ts';
import { append, checkVersion, get, put } from '../machine/machine-rig.ts';
import { contenderOf } from './spelling.ts';

const { queueLengthMax, queueTicks, queueLooks, queueBytesMax } = TRANSACTION_LIMITS;

interface Rival extends QueuedTransaction {
  hasHope: boolean;
}

class Rig {
  readonly queue = new ContentionQueue();
  /** Transactions that were prechecked. */
  looks = 0;
  /** Transactions that began since the last call. */
  #begun: string[] = [];

  /** Named by its age, of a client of its own. It ends when the test says so. */
  enter(age: number, keys: readonly string[] = ['x'], terms: Partial<Rival> = {}): Rival {
    const one: Rival = {
      contender: contenderOf(age, age),
      keys,
      bytes: 1,
      hasHope: true,
      isHopeless: () => {
        this.looks += 1;
        return !one.hasHope;
      },
      begin: () => void this.#begun.push(`${age}${one.hasHope ? '' : ' in vain'}`),
      ...terms,
    };
    this.queue.enter(one);
    return one;
  }

  get begun(): readonly string[] {
    const begun = this.#begun;
    this.#begun = [];
    return begun;
  }
}

test('of the transactions for one key one is running, and the oldest is next', () => {
  const rig = new Rig();
  const first = rig.enter(5);
  const [last, second] = [rig.enter(9), rig.enter(2)];
  rig.enter(7, ['y']);
  rig.enter(8, []);
  deepEqual(rig.begun, ['5', '7', '8'], 'a transaction without that key does not wait');
  rig.queue.leave(first);
  deepEqual(rig.begun, ['2']);
  rig.queue.leave(second);
  deepEqual(rig.begun, ['9']);
  rig.queue.leave(last);
  rig.enter(1);
  deepEqual(rig.begun, ['1']);
});

test('a transaction waits for one key after the other, and holds none meanwhile', () => {
  const rig = new Rig();
  const [x, y] = [rig.enter(1, ['x']), rig.enter(2, ['y'])];
  const both = rig.enter(3, ['x', 'y']);
  const last = rig.enter(4, ['x']);
  deepEqual(rig.begun, ['1', '2']);
  rig.queue.leave(x);
  deepEqual(rig.begun, ['4'], 'the elder one waits at the other key now');
  rig.queue.leave(y);
  deepEqual(rig.begun, [], 'and at the first one again');
  rig.queue.leave(last);
  deepEqual(rig.begun, ['3']);
  rig.enter(5, ['y']);
  const [six] = [rig.enter(6, ['x'])];
  deepEqual(rig.begun, [], 'it has both');
  rig.queue.leave(six);
  equal(rig.queue.waiting, 1, 'ended where it waited');
  rig.queue.leave(both);
  deepEqual(rig.begun, ['5']);
});

test('hopeless transactions are released one by one, and come next after their retry', () => {
  const rig = new Rig();
  const head = rig.enter(3);
  const crowd = [4, 5, 6].map((age) => rig.enter(age));
  for (const one of crowd) one.hasHope = false;
  deepEqual(rig.begun, ['3']);
  rig.queue.leave(head);
  deepEqual(rig.begun, ['4 in vain']);
  rig.enter(7);
  deepEqual(rig.begun, [], 'a younger one waits for its retry');
  const elder = rig.enter(2);
  deepEqual(rig.begun, ['2'], 'an elder one does not');
  const back = rig.enter(4);
  rig.queue.leave(elder);
  deepEqual(rig.begun, ['4', '5 in vain']);
  rig.enter(5);
  rig.queue.leave(back);
  deepEqual(rig.begun, ['5', '6 in vain']);
  equal(rig.queue.waiting, 1);
});

test('another transaction of the same client does not count as the retry', () => {
  const rig = new Rig();
  const of = (client: number, age: number) => ({ contender: contenderOf(client, age) });
  const head = rig.enter(3, ['x'], of(1, 3));
  rig.enter(4, ['x'], of(1, 4)).hasHope = false;
  rig.enter(7, ['x'], of(1, 7)).hasHope = false;
  rig.queue.leave(head);
  rig.enter(5, ['x'], of(1, 5));
  rig.enter(6, ['x'], of(2, 6));
  deepEqual(rig.begun, ['3', '4 in vain']);
  rig.enter(4, ['x'], of(1, 4));
  deepEqual(rig.begun, ['4']);
});

test('no key is kept for a transaction that is released while nothing commits', () => {
  const rig = new Rig();
  const head = rig.enter(1);
  const crowd = [2, 3, 4].map((age) => rig.enter(age));
  for (const one of crowd) one.hasHope = false;
  rig.queue.leave(head);
  rig.enter(5);
  deepEqual(rig.begun, ['1', '2 in vain']);
  rig.queue.tick();
  deepEqual(rig.begun, ['5', '3 in vain'], 'a retry is waited for during one tick only');
  rig.queue.tick();
  deepEqual(rig.begun, [], 'the running transaction will start the next');
});

test('a hopeless newcomer waits with the others, or is released at once if alone', () => {
  const rig = new Rig();
  const told: number[] = [];
  const hopeless = (age: number) => {
    const begin = () => void told.push(age);
    return rig.enter(age, ['x'], { isHopeless: () => true, begin });
  };
  hopeless(1);
  deepEqual(told, [1]);
  const head = rig.enter(2);
  for (const age of [3, 4, 5]) hopeless(age);
  deepEqual(told, [1], 'a transaction is running');
  rig.queue.leave(head);
  deepEqual(told, [1, 3]);
  hopeless(6);
  deepEqual(told, [1, 3], 'others wait');
  rig.enter(2);
  deepEqual(rig.begun, ['2', '2'], 'a transaction that may commit does not wait for hopeless ones');
});

test('a transaction that is blocked elsewhere keeps its keys for some ticks, no longer', () => {
  const rig = new Rig();
  const stuck = rig.enter(1);
  rig.enter(2);
  rig.enter(3);
  for (let tick = 1; tick < queueTicks; tick++) rig.queue.tick();
  deepEqual(rig.begun, ['1']);
  rig.queue.tick();
  deepEqual(rig.begun, ['2']);
  rig.queue.leave(stuck);
  deepEqual(rig.begun, [], 'it had nothing to give up any more');
  for (let tick = 0; tick < queueTicks; tick++) rig.queue.tick();
  deepEqual(rig.begun, ['3']);
});

test('a head that ends at once starts the next, and each starts once', () => {
  const rig = new Rig();
  const begun: number[] = [];
  const enter = (age: number, leaves: boolean) => {
    const begin = () => {
      begun.push(age);
      if (leaves) rig.queue.leave(one);
    };
    const one: Rival = rig.enter(1000, ['x'], { contender: contenderOf(age, age), begin });
    return one;
  };
  const head = enter(1, false);
  for (let age = 2; age < 50; age++) enter(age, age !== 40);
  rig.queue.leave(head);
  deepEqual(
    begun,
    Array.from({ length: 40 }, (_, at) => at + 1),
  );
  equal(rig.queue.waiting, 9);
});

test('the queue is bounded: beyond it transactions begin at once, without a place', () => {
  const rig = new Rig();
  const head = rig.enter(1);
  for (let age = 2; age < queueLengthMax + 2; age++) rig.enter(age);
  equal(rig.queue.waiting, queueLengthMax);
  deepEqual(rig.begun, ['1']);
  const beyond = rig.enter(5000);
  deepEqual(rig.begun, ['5000']);
  rig.queue.leave(beyond);
  deepEqual(rig.begun, [], 'it had no place to give up');
  rig.queue.leave(head);
  deepEqual(rig.begun, ['2']);
  const heavy = new Rig();
  heavy.enter(1);
  const large = heavy.enter(2, ['x'], { bytes: queueBytesMax });
  heavy.enter(3);
  deepEqual(heavy.begun, ['1', '3']);
  heavy.queue.leave(large);
  heavy.enter(4);
  deepEqual(heavy.begun, [], 'its room was given back');
});

test('few transactions are examined in one turn, however many are hopeless', () => {
  const rig = new Rig();
  const head = rig.enter(1);
  const crowd = Array.from({ length: 200 }, (_, at) => rig.enter(at + 2));
  for (const one of crowd) one.hasHope = false;
  rig.enter(500);
  rig.looks = 0;
  rig.queue.leave(head);
  ok(rig.looks <= queueLooks);
  for (let tick = 0; !rig.begun.includes('500'); tick++) {
    ok(tick < 10, 'a transaction that may commit is examined');
    rig.looks = 0;
    rig.queue.tick();
    ok(rig.looks <= queueLooks);
  }
});

test('a closed queue starts no transaction', () => {
  const rig = new Rig();
  const [head, waiting] = [rig.enter(1), rig.enter(2)];
  rig.queue.close();
  rig.queue.leave(head);
  rig.queue.leave(waiting);
  rig.queue.tick();
  deepEqual(rig.begun, ['1']);
  equal(rig.queue.waiting, 0);
});

test('only keys that are checked by version and written are contested', () => {
  const operations = [
    checkVersion('read', 3),
    checkVersion('both', 4),
    put('both', 'a'),
    put('blind', 'b'),
    get('got'),
    checkVersion('grown', 0),
    append('grown', 'c'),
  ];
  deepEqual(
    [...contested(operations)],
    [
      ['both', operations[1]],
      ['grown', operations[5]],
    ],
  );
  equal(contested([put('blind', 'b')]).size, 0);
});
